"""Fixtures of tests/core/io: files written by the libraries that define them.

Needs: numpy 2, safetensors 0.8, gguf 0.19, torch 2.13.
Run from the repository root: python tools/golden/io_fixtures.py
"""
import json
import pathlib

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

OUT = pathlib.Path("tests/fixtures/io")
TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
# Where each block keeps its halves: random bytes would often be NaN there.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def blocks():
    """Random blocks and what gguf.quants makes of them."""
    random = np.random.default_rng(7)
    tensors = {}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        _, size = gguf.GGML_QUANT_SIZES[kind]
        count = 6 if name.endswith("K") else 40
        data = random.integers(0, 256, (count, size), dtype=np.uint8)
        for at in HALVES[name]:
            halves = random.normal(0, 0.05, count).astype(np.float16)
            # The corners: zeros, subnormals, the largest.
            halves[:5] = [0.0, -0.0, 6e-8, -5.9e-5, 65504.0]
            data[:, at:at + 2] = halves.view(np.uint8).reshape(count, 2)
        values = gguf.quants.dequantize(data, kind).reshape(count, -1)
        tensors[name + ".blocks"] = torch.from_numpy(data)
        tensors[name + ".values"] = torch.from_numpy(values.copy())
    halves = np.arange(65536, dtype=np.uint32).astype(np.uint16)[::13]
    halves = halves[np.isfinite(halves.view(np.float16))]
    tensors["F16.blocks"] = torch.from_numpy(halves.view(np.uint8).copy())
    tensors["F16.values"] = torch.from_numpy(
        halves.view(np.float16).astype(np.float32))
    save_file(tensors, OUT / "gguf_blocks.safetensors")


def tiny_safetensors():
    tensors = {
        "f64": torch.tensor([1.5, -2.25, 1e300], dtype=torch.float64),
        "f32": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4,
        "f16": torch.tensor([0.5, -65504.0], dtype=torch.float16),
        "bf16": torch.tensor([[1.0], [-3.140625]], dtype=torch.bfloat16),
        "i64": torch.tensor([-(2**62), 3]),
        "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "naïve \"name\"": torch.tensor([7], dtype=torch.int32),
    }
    save_file(tensors, OUT / "tiny.safetensors",
              metadata={"format": "pt", "note": "by safetensors"})


def sharded():
    folder = OUT / "sharded"
    folder.mkdir(exist_ok=True)
    names = ["model-00001-of-00002.safetensors",
             "model-00002-of-00002.safetensors"]
    save_file({"a": torch.ones(2, 2), "b": torch.zeros(3)}, folder / names[0])
    save_file({"c": torch.full((4,), 5.0)}, folder / names[1])
    index = {"metadata": {"total_size": 44},
             "weight_map": {"a": names[0], "b": names[0], "c": names[1]}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def tiny_gguf():
    writer = gguf.GGUFWriter(OUT / "tiny.gguf", "llama")
    kinds = gguf.GGUFValueType
    writer.add_key_value("t.u8", 200, kinds.UINT8)
    writer.add_key_value("t.i8", -100, kinds.INT8)
    writer.add_key_value("t.u16", 60000, kinds.UINT16)
    writer.add_key_value("t.i16", -30000, kinds.INT16)
    writer.add_key_value("t.u32", 4000000000, kinds.UINT32)
    writer.add_key_value("t.i32", -2000000000, kinds.INT32)
    writer.add_key_value("t.u64", 2**53 + 1, kinds.UINT64)
    writer.add_key_value("t.i64", -(2**60), kinds.INT64)
    writer.add_key_value("t.f32", 0.1, kinds.FLOAT32)
    writer.add_key_value("t.f64", 0.1, kinds.FLOAT64)
    writer.add_key_value("t.bool", True, kinds.BOOL)
    writer.add_key_value("t.string", "naïve\n", kinds.STRING)
    writer.add_array("t.strings", ["", "ab", "ünï"])
    writer.add_array("t.ints", [-1, 2, 3])
    writer.add_array("t.reals", [0.5, -1.25])
    writer.add_array("t.flags", [True, False])
    values = np.arange(64, dtype=np.float32).reshape(2, 32) - 30
    writer.add_tensor("f32", values)
    writer.add_tensor("f16", values.astype(np.float16))
    for name in ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "BF16"]:
        kind = gguf.GGMLQuantizationType[name]
        writer.add_tensor(name, gguf.quants.quantize(values, kind),
                          raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    blocks()
    tiny_safetensors()
    sharded()
    tiny_gguf()
