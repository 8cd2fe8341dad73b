"""Golden FP8 checkpoints: tiny models whose linear layers are stored in FP8, in
each layout that public checkpoints use, and the weights that the defining
libraries make of them.

Made with torch 2.13.0, transformers 5.23.0, compressed-tensors 0.13.0 and
safetensors 0.8.0 on CPU.
Usage: fp8_weights.py OUTPUT_FOLDER   (tests/fixtures/fp8)

  codes.safetensors  e4m3, e5m2: fp32 [256], the value of every code
  NAME/              config.json and model.safetensors
  expected.json      NAME -> tensor -> dtype and SHA-256 of the bytes of the
                     dequantized tensor

fine_grained is what transformers loads from the folder with dequantize=True,
per_row and per_tensor what compressed-tensors' dequantize returns for each
tensor. Blocks at a ragged edge, which transformers refuses, are DeepSeek-V3's
weight_dequant written out: every element times the scale of its block.
"""

import hashlib
import json
import pathlib
import sys

import torch
import transformers
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import dequantize
from safetensors.torch import save_file

FP8 = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}


def config(hidden, intermediate, heads, kv_heads):
    return transformers.LlamaConfig(
        vocab_size=12, hidden_size=hidden, intermediate_size=intermediate,
        num_hidden_layers=1, num_attention_heads=heads,
        num_key_value_heads=kv_heads, max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True, dtype="bfloat16",
        architectures=["LlamaForCausalLM"])


def random_weights(cfg, seed):
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(
        cfg, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator) * 0.1
        # Outliers, so that scales differ from block to block.
        values.view(-1)[::37] *= 20
        tensors[name] = values
    return tensors


def is_linear(name):
    return "_proj.weight" in name


def blocks_of(shape, block):
    return [-(-shape[0] // block[0]), -(-shape[1] // block[1])]


def spread(scale, shape, block):
    """The scale of each element."""
    wide = scale.repeat_interleave(block[0], 0).repeat_interleave(block[1], 1)
    return wide[:shape[0], :shape[1]]


def quantize(weight, block, kind="e4m3"):
    """FP8 codes and the scales that a block's elements are multiplied with."""
    rows, columns = blocks_of(weight.shape, block)
    scale = torch.ones(rows, columns)
    for i in range(rows):
        for j in range(columns):
            part = weight[i * block[0]:(i + 1) * block[0],
                          j * block[1]:(j + 1) * block[1]]
            scale[i, j] = part.abs().max() / torch.finfo(FP8[kind]).max
    codes = (weight / spread(scale, weight.shape, block)).to(FP8[kind])
    return codes, scale


def write(folder, cfg, tensors, quantization):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({n: t.contiguous() for n, t in tensors.items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    text = cfg.to_dict()
    text["quantization_config"] = quantization
    (folder / "config.json").write_text(json.dumps(text, indent=2) + "\n")


def digests(tensors):
    names = {torch.float32: "fp32", torch.bfloat16: "bf16"}
    return {
        name: {
            "dtype": names[tensor.dtype],
            "sha256": hashlib.sha256(
                tensor.contiguous().view(torch.uint8).numpy().tobytes()
            ).hexdigest()}
        for name, tensor in sorted(tensors.items())}


def fine_grained(root):
    """DeepSeek-V3's and Qwen3-FP8's layout, 128 x 128."""
    cfg = config(128, 256, 2, 2)
    stored = {}
    for name, weight in random_weights(cfg, 1).items():
        if is_linear(name):
            codes, scale = quantize(weight, (128, 128))
            stored[name], stored[name + "_scale_inv"] = codes, scale
        else:
            stored[name] = weight.to(torch.bfloat16)
    folder = root / "fine_grained"
    write(folder, cfg, stored, {
        "quant_method": "fp8", "activation_scheme": "dynamic",
        "fmt": "e4m3", "weight_block_size": [128, 128]})
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32,
        quantization_config=transformers.FineGrainedFP8Config(
            dequantize=True, weight_block_size=(128, 128)))
    return {n: p.detach() for n, p in model.named_parameters()}


def ragged(root):
    """Blocks that do not divide the shapes."""
    cfg = config(24, 40, 2, 1)
    stored, expected = {}, {}
    for name, weight in random_weights(cfg, 2).items():
        if is_linear(name):
            codes, scale = quantize(weight, (16, 16))
            stored[name], stored[name + "_scale_inv"] = codes, scale
            expected[name] = codes.float() * spread(scale, codes.shape, (16, 16))
        else:
            stored[name] = weight.to(torch.bfloat16)
            expected[name] = stored[name].float()
    write(root / "ragged", cfg, stored, {
        "quant_method": "fp8", "activation_scheme": "dynamic",
        "weight_block_size": [16, 16]})
    return expected


def by_compressed_tensors(codes, scale, strategy):
    args = QuantizationArgs(num_bits=8, type="float", strategy=strategy)
    return dequantize(codes, scale, args=args)


def per_row(root):
    """compressed-tensors with one bf16 scale a row."""
    cfg = config(24, 40, 2, 1)
    stored, expected = {}, {}
    for name, weight in random_weights(cfg, 3).items():
        stored[name] = expected[name] = weight.to(torch.bfloat16)
        if is_linear(name):
            codes, scale = quantize(weight, (1, weight.shape[1]))
            scale = scale.to(torch.bfloat16)
            stored[name], stored[name + "_scale"] = codes, scale
            expected[name] = by_compressed_tensors(codes, scale, "channel")
    write(root / "per_row", cfg, stored, {
        "quant_method": "compressed-tensors", "format": "float-quantized",
        "quantization_status": "compressed", "ignore": ["lm_head"],
        "config_groups": {"group_0": {
            "targets": ["Linear"],
            "weights": {"num_bits": 8, "type": "float", "strategy": "channel",
                        "symmetric": True, "dynamic": False},
            "input_activations": {"num_bits": 8, "type": "float",
                                  "strategy": "token", "dynamic": True}}}})
    return expected


def per_tensor(root):
    """One fp32 scale a tensor, static scales of activations beside them, and
    E5M2 in some layers."""
    cfg = config(24, 40, 2, 1)
    stored, expected = {}, {}
    for name, weight in random_weights(cfg, 4).items():
        stored[name] = weight.to(torch.bfloat16)
        expected[name] = stored[name].float()
        if is_linear(name):
            kind = "e5m2" if "mlp" in name else "e4m3"
            codes, scale = quantize(weight, weight.shape, kind)
            scale = scale.reshape(1)
            stored[name], stored[name + "_scale"] = codes, scale
            stored[name.replace(".weight", ".input_scale")] = torch.ones(1)
            expected[name] = by_compressed_tensors(codes, scale, "tensor")
    write(root / "per_tensor", cfg, stored,
          {"quant_method": "fp8", "activation_scheme": "static"})
    return expected


def main():
    torch.set_num_threads(1)
    root = pathlib.Path(sys.argv[1])
    root.mkdir(parents=True, exist_ok=True)
    codes = torch.arange(256, dtype=torch.uint8)
    save_file({kind: codes.view(dtype).float() for kind, dtype in FP8.items()},
              root / "codes.safetensors")
    makers = [fine_grained, ragged, per_row, per_tensor]
    expected = {maker.__name__: digests(maker(root)) for maker in makers}
    (root / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
