"""Losses of 20 AdamW steps of SmolLM2-135M in FP8 by Python's torchao.

Versions: torchao 0.18.0, torch 2.13.0 (CPU), transformers 5.23.0, gguf 0.19.0.
torchao is found as tools/golden/torchao_products.py says.
Usage: torchao_losses.py GGUF [RECIPE...]
       (default: the three recipes, emulated; also "none": nothing in FP8)
       torchao_losses.py --noise GGUF
       (how far the first loss of each recipe, and of none, moves in fp32 when
       the norms' weights are off by 1e-7)

Weights from the GGUF file; tokens and optimizer settings are those of
tests/fixtures/models/smollm2_gguf.json (tools/golden/smollm2.py). The head
is no FP8 product. Masters, gradients and AdamW are fp32; scales and casts are
torchao's; everything else, the sums of FP8 products included, is fp64. In fp32
a loss is no reference: one different rounding puts an element on the other
side of a step of FP8, 6% away, and thirty layers later every cast differs.

Writes tests/fixtures/torchao/smollm2_losses.json, keeping what it has of
recipes that were not asked for.
"""

import json
import pathlib
import sys
import time

import torch
import transformers
from torchao.float8 import convert_to_float8_training, float8_ops
from torchao.float8.config import Float8LinearConfig
from transformers.models.llama import modeling_llama

root = pathlib.Path(__file__).resolve().parents[2]
golden = json.loads(
    (root / "tests/fixtures/models/smollm2_gguf.json").read_text())["training"]
output = root / "tests/fixtures/torchao/smollm2_losses.json"
RECIPES = ["tensorwise", "rowwise", "rowwise_with_gw_hp"]


def load(path, recipe):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, attn_implementation="eager",
        dtype=torch.float32)
    if recipe != "none":
        config = Float8LinearConfig.from_recipe_name(recipe)
        object.__setattr__(config, "emulate", True)
        model = convert_to_float8_training(
            model, config=config,
            module_filter_fn=lambda module, name: "lm_head" not in name)
    return model


# What computes in fp32 whatever the dtype of its input, in fp64.
def norm(self, x):
    return self.weight * (
        x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True)
                        + self.variance_epsilon))


def rotary(self, x, position_ids):
    base, size = self.config.rope_parameters["rope_theta"], x.shape[-1]
    size //= self.config.num_attention_heads
    period = base ** (torch.arange(0, size, 2, dtype=torch.double) / size)
    angle = position_ids[..., None].double() / period
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def attention(module, q, k, v, mask, scaling, **kwargs):
    k = modeling_llama.repeat_kv(k, module.num_key_value_groups)
    v = modeling_llama.repeat_kv(v, module.num_key_value_groups)
    weights = torch.softmax(q @ k.transpose(2, 3) * scaling + mask, dim=-1)
    return (weights @ v).transpose(1, 2).contiguous(), weights


def product(op, args, kwargs=None):
    """torchao's emulated product with its sums in fp64."""
    a, b = (t._data.float() / t._scale for t in args)
    return torch.mm(a.double(), b.double()).to(args[0]._orig_dtype)


def compute_in_fp64():
    modeling_llama.LlamaRMSNorm.forward = norm
    modeling_llama.LlamaRotaryEmbedding.forward = rotary
    modeling_llama.eager_attention_forward = attention
    float8_ops.FLOAT8_OPS_TABLE[torch.ops.aten.mm.default] = product


def loss_of(model, weights, row):
    logits = torch.func.functional_call(
        model, weights, kwargs=dict(input_ids=row[None], use_cache=False))
    return torch.nn.functional.cross_entropy(
        logits.logits[0, :-1], row[1:], reduction="sum") / (len(row) - 1)


def run(path, recipe):
    model = load(path, recipe)
    # Float8Linear casts its weight from the fp32 master itself.
    fp8 = {name + ".weight" for name, module in model.named_modules()
           if type(module).__name__ == "Float8Linear"}
    assert len(fp8) == (0 if recipe == "none" else 210)
    masters = dict(model.named_parameters())
    decay = [p for p in masters.values() if p.dim() > 1]
    rest = [p for p in masters.values() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay}, {"params": rest, "weight_decay": 0.0}],
        lr=golden["lr"], betas=golden["betas"], eps=golden["eps"],
        weight_decay=golden["weight_decay"], fused=True)
    length, losses = golden["length"], []
    tokens = torch.tensor(golden["tokens"])
    for step in range(len(tokens) // length):
        start = time.time()
        optimizer.zero_grad()
        loss = loss_of(
            model, {n: p if n in fp8 else p.double()
                    for n, p in masters.items()},
            tokens[step * length:(step + 1) * length])
        assert loss.dtype == torch.double
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        print(recipe, step, losses[-1], f"{time.time() - start:.1f} s",
              flush=True)
    return losses


@torch.no_grad()
def noise(path, recipe, tries=6):
    model = load(path, recipe)
    row = torch.tensor(golden["tokens"][:golden["length"]])
    norms = {n: p for n, p in model.named_parameters() if p.dim() == 1}
    for i in range(tries):
        generator = torch.Generator().manual_seed(i)
        moved = {n: p * (1 + 1e-7 * torch.randn(p.shape, generator=generator))
                 for n, p in norms.items()} if i else {}
        print(recipe, i, loss_of(model, moved, row).item(), flush=True)


def main():
    if sys.argv[1] == "--noise":
        for recipe in RECIPES + ["none"]:
            noise(pathlib.Path(sys.argv[2]), recipe)
        return
    compute_in_fp64()
    path = pathlib.Path(sys.argv[1])
    found = json.loads(output.read_text()) if output.exists() else {}
    found["versions"] = dict(
        torch="2.13.0", torchao="0.18.0", transformers="5.23.0")
    for recipe in sys.argv[2:] or RECIPES:
        found[recipe] = run(path, recipe)
        output.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
