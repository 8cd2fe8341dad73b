"""Makes tests/fixtures/torchao/: casts and products of torchao's Float8Linear.

Versions: torchao 0.18.0, torch 2.13.0 (CPU), safetensors 0.8.0.
torchao goes beside the environment of tools/peers/setup, without changing it:
  pip install --no-deps --target DIR torchao==0.18.0
Run: PYTHONPATH=DIR python tools/golden/torchao_products.py

goldens.safetensors has
  in/DATA/{x,w,go,bias}            what went in; bias where there is one
  cast/DATA/RECIPE/N/{data,scale}  the N-th tensor that Float8Linear cast:
      0 input, 1 weight_t, 2 grad_output, 3 weight_t for grad_input,
      4 grad_output for grad_weight, 5 input for grad_weight (0 to 3 with
      rowwise_with_gw_hp)
  out/DATA/RECIPE/MODE/{y,gx,gw}   MODE: emulated or real
  scale/...                        amax to scale, and scales to powers of two
and cases.json says which there are. Non-emulated products run on the CPU
through torch._scaled_mm. FP8 is stored as its bytes.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torchao.float8 import float8_linear
from torchao.float8.config import Float8LinearConfig
from torchao.float8.float8_utils import amax_to_scale
from torchao.float8.float8_utils import _round_scale_down_to_power_of_2

folder = pathlib.Path("tests/fixtures/torchao")
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(3)
torch.set_num_threads(1)
tensors, cases = {}, []


def put(name, tensor):
    tensor = tensor.detach()
    if tensor.element_size() == 1:
        tensor = tensor.view(torch.uint8)
    tensors[name] = tensor.contiguous().clone()


# Every cast that Float8Linear makes, in order.
casts = []
plain_cast = float8_linear.hp_tensor_to_float8_dynamic


def recording_cast(*args, **kwargs):
    result = plain_cast(*args, **kwargs)
    casts.append(result)
    return result


float8_linear.hp_tensor_to_float8_dynamic = recording_cast


# Kinds of data. Each makes a tensor of that shape.
def integers(*shape):
    """Every row and column has an element of magnitude 7: scales are powers
    of two, e5m2 and e4m3 hold every element, and all sums are exact."""
    t = torch.randint(-6, 7, shape).float()
    flat = t.view(-1, shape[-1])
    for i in range(max(flat.shape)):
        flat[i % flat.shape[0], i % flat.shape[1]] = 7 if i % 2 else -7
    return t


def normal(*shape):
    return torch.randn(shape)


def zeros(*shape):
    return torch.zeros(shape)


def zero_lines(*shape):
    t = torch.randn(shape)
    flat = t.view(-1, shape[-1])
    flat[0] = 0
    flat[:, 1] = -0.0
    return t


def subnormal(*shape):
    t = torch.randn(shape) * 1e-39
    t.view(-1, shape[-1])[0] *= 1e6
    return t


def below_eps(*shape):
    return torch.randn(shape) * 1e-14


def outliers(*shape):
    t = torch.randn(shape)
    flat = t.view(-1)
    flat[::7] *= 1e3
    flat[3::11] *= 1e5
    return t


def huge(*shape):
    return torch.randn(shape) * 1e30


def infinities(*shape):
    t = torch.randn(shape)
    flat = t.view(-1, shape[-1])
    flat[0, 1] = float("inf")
    flat[-1, 0] = -float("inf")
    return t


def nan_row(*shape):
    t = torch.randn(shape)
    t.view(-1, shape[-1])[0, :3] = float("nan")
    return t


def wide(*shape):
    return torch.randn(shape).sign() * torch.exp2(torch.rand(shape) * 40 - 20)


def edges(*shape):
    """Rows whose scale lies just below a power of two, on it, and above."""
    t = torch.rand(shape) * 2 - 1
    flat = t.view(-1, shape[-1])
    for i in range(flat.shape[0]):
        power = 2.0 ** ((i * 5) % 40 - 20)
        factor = (1 + 2.0**-23, 1, 1 - 2.0**-23, 1.0001)[i % 4]
        flat[i, i % flat.shape[1]] = 448 / power * factor
        flat[i] = flat[i].clamp(-448 / power * factor, 448 / power * factor)
    return t


BF16, FP32 = torch.bfloat16, torch.float32
KINDS = [  # name, make, leading dimensions, K, N, bias
    ("exact_16", integers, (16,), 32, 16, False),
    ("exact_33", integers, (33,), 16, 32, False),
    ("exact_3d_bias", integers, (2, 9), 32, 16, True),
    ("exact_1", integers, (1,), 16, 16, False),
    ("exact_unaligned", integers, (7,), 24, 40, False),
    ("normal", normal, (17,), 32, 48, False),
    ("normal_3d_bias", normal, (3, 5), 48, 16, True),
    ("normal_unaligned", normal, (13,), 40, 24, True),
    ("zeros", zeros, (5,), 16, 16, True),
    ("zero_lines", zero_lines, (17,), 16, 32, False),
    ("subnormal", subnormal, (6,), 16, 16, False),
    ("below_eps", below_eps, (6,), 16, 16, False),
    ("outliers", outliers, (17,), 32, 16, True),
    ("huge", huge, (6,), 16, 16, False),
    ("infinities", infinities, (9,), 16, 16, False),
    ("nan_row", nan_row, (9,), 16, 16, False),
    ("wide", wide, (16,), 32, 32, False),
    ("edges", edges, (40,), 16, 48, False),
]


def recipe(name):
    if name == "tensorwise_pow2":
        return Float8LinearConfig(round_scales_to_power_of_2=True)
    return Float8LinearConfig.from_recipe_name(name)


RECIPES = ["tensorwise", "tensorwise_pow2", "rowwise", "rowwise_with_gw_hp"]


def run(data, inputs, name, emulate, pad, exact):
    config = recipe(name)
    object.__setattr__(config, "emulate", emulate)
    object.__setattr__(config, "pad_inner_dim", pad)
    x, w, go, bias = inputs
    linear = torch.nn.Linear(w.shape[1], w.shape[0], bias=bias is not None)
    linear.weight = torch.nn.Parameter(w.clone())
    if bias is not None:
        linear.bias = torch.nn.Parameter(bias.clone())
    linear = float8_linear.Float8Linear.from_float(linear, config)
    x = x.clone().requires_grad_()
    casts.clear()
    y = linear(x)
    y.backward(go)
    gw = linear.weight.grad
    mode = "emulated" if emulate else "padded" if pad else "real"
    prefix = f"out/{data}/{name}/{mode}"
    put(f"{prefix}/y", y)
    put(f"{prefix}/gx", x.grad)
    put(f"{prefix}/gw", gw)
    for i, cast in enumerate(casts):
        where = f"cast/{data}/{name}/{i}"
        if where + "/data" in tensors:
            assert torch.equal(
                tensors[where + "/data"],
                cast._data.contiguous().view(torch.uint8))
        put(where + "/data", cast._data.contiguous())
        put(where + "/scale", cast._scale)
        if exact:  # else the script is wrong about what is exact
            assert torch.equal(
                cast._scale, torch.exp2(torch.round(torch.log2(cast._scale))))
            values = cast._data.float() / cast._scale
            assert torch.equal(values, values.round()) and values.max() <= 7
    cases.append(dict(
        data=data, recipe=name, mode=mode, casts=len(casts), exact=exact,
        bias=bias is not None))


for kind, make, lead, k, n, with_bias in KINDS:
    for label, x_dtype, w_dtype in [
            ("fp32", FP32, FP32), ("bf16", BF16, BF16), ("mixed", BF16, FP32)]:
        if label == "mixed" and kind not in ("normal", "outliers", "exact_33"):
            continue
        data = f"{kind}_{label}"
        inputs = (
            make(*lead, k).to(x_dtype), make(n, k).to(w_dtype),
            make(*lead, n).to(x_dtype),
            integers(1, n)[0].to(w_dtype) if with_bias else None)
        for name, tensor in zip(("x", "w", "go", "bias"), inputs):
            if tensor is not None:
                put(f"in/{data}/{name}", tensor)
        exact = kind.startswith("exact")
        for name in RECIPES:
            run(data, inputs, name, True, False, exact)
            run(data, inputs, name, False, False, exact)
            if "unaligned" in kind:
                run(data, inputs, name, False, True, exact)

# Scales: amax in each dtype, both FP8 types, and the rounding to powers of
# two, with torchao's own list of edges.
amax = torch.exp2(torch.rand(1500) * 250 - 130)
amax[:8] = torch.tensor(
    [0, 1e-12, 9e-13, 448, 57344, float("inf"), float("nan"), 3.4e38])
for label, dtype in [("fp32", FP32), ("bf16", BF16)]:
    value = amax.to(dtype)
    put(f"scale/{label}/amax", value)
    for fp8 in (torch.float8_e4m3fn, torch.float8_e5m2):
        for pow2 in (False, True):
            put(f"scale/{label}/{str(fp8)[6:]}/{'pow2' if pow2 else 'exact'}",
                amax_to_scale(value, fp8, pow2))
near = torch.exp2(torch.arange(-126, 128).float())
scales = torch.cat([
    near, torch.nextafter(near, torch.zeros(())),
    torch.nextafter(near, torch.full((), float("inf"))),
    torch.exp2(torch.rand(1000) * 60 - 20),
    torch.tensor([1e-45, 1.1754944e-38, 3.4028235e38, float("inf"),
                  float("nan"), 0.0, 1 - 2.0**-24, 1023.99994, 262143.98])])
put("scale/pow2/in", scales)
put("scale/pow2/out", _round_scale_down_to_power_of_2(scales))

save_file(tensors, folder / "goldens.safetensors")
(folder / "cases.json").write_text(json.dumps(
    dict(versions=dict(torch="2.13.0", torchao="0.18.0"), cases=cases),
    indent=0) + "\n")
print(len(cases), "cases")
