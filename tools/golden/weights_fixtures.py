"""Fixtures of the weight tests: tiny GGUF models, what transformers loads from
them, and sums and samples of SmolLM2's tensors as transformers loads them.

Needs: transformers 5.23, torch 2.13, gguf 0.19, safetensors 0.8.
Run from the repository root: python tools/golden/weights_fixtures.py
"""
import json
import os
import pathlib

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

OUT = pathlib.Path("tests/fixtures/weights")
SMOLLM2 = pathlib.Path(os.path.expanduser(
    "~/.cache/octet/models/smollm2-135m-instruct"))
SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
HIDDEN, FF, HEADS, KV, VOCAB = 64, 96, 4, 2, 48


def add(writer, name, shape, kind, random):
    values = random.normal(0, 0.5, shape).astype(np.float32)
    kind = gguf.GGMLQuantizationType[kind]
    if len(shape) == 1:
        kind = gguf.GGMLQuantizationType.F32
    writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)


def tiny(arch, path, kinds, biases=False, qk_norm=False, head=16, tied=False,
         layers=2):
    """A random model in llama.cpp's layout; its meaning is what transformers
    loads from the file."""
    random = np.random.default_rng(3)
    writer = gguf.GGUFWriter(path, arch)
    writer.add_name("tiny")
    writer.add_block_count(layers)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FF)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(head)
    writer.add_vocab_size(VOCAB)
    if head != HIDDEN // HEADS:
        writer.add_key_length(head)
        writer.add_value_length(head)
    kinds = iter(kinds * 40)
    add(writer, "token_embd.weight", (VOCAB, HIDDEN), next(kinds), random)
    add(writer, "output_norm.weight", (HIDDEN,), "F32", random)
    if not tied:
        add(writer, "output.weight", (VOCAB, HIDDEN), next(kinds), random)
    for layer in range(layers):
        block = f"blk.{layer}."
        shapes = {
            "attn_q": (HEADS * head, HIDDEN), "attn_k": (KV * head, HIDDEN),
            "attn_v": (KV * head, HIDDEN), "attn_output": (HIDDEN, HEADS * head),
            "ffn_gate": (FF, HIDDEN), "ffn_up": (FF, HIDDEN),
            "ffn_down": (HIDDEN, FF)}
        for name, shape in shapes.items():
            add(writer, f"{block}{name}.weight", shape, next(kinds), random)
            if biases and name in ["attn_q", "attn_k", "attn_v"]:
                add(writer, f"{block}{name}.bias", shape[:1], "F32", random)
        for name in ["attn_norm", "ffn_norm"]:
            add(writer, f"{block}{name}.weight", (HIDDEN,), "F32", random)
        if qk_norm:
            for name in ["attn_q_norm", "attn_k_norm"]:
                add(writer, f"{block}{name}.weight", (head,), "F32", random)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def expected(name):
    """fp32 weights as transformers loads them; halves are kept as such, so
    that the fixture stays small, and compared after rounding."""
    model = AutoModelForCausalLM.from_pretrained(
        OUT, gguf_file=name + ".gguf", dtype=torch.float32)
    tensors = {n: p.detach().to(torch.bfloat16).contiguous()
               for n, p in model.named_parameters()}
    save_file(tensors, OUT / (name + ".safetensors"))


def permuted_bias():
    """Rows of q and k biases in llama.cpp's order: reshape, swap, reshape, as
    its conversion/llama.py does (transformers does not undo it for biases)."""
    bias = torch.arange(HEADS * 16, dtype=torch.float32)
    stored = bias.reshape(HEADS, 2, 8).swapaxes(1, 2).reshape(-1)
    return {"expected": bias.tolist(), "stored": stored.tolist()}


def smollm2():
    model = AutoModelForCausalLM.from_pretrained(
        SMOLLM2, gguf_file=SMOLLM2_FILE, dtype=torch.float32)
    result = {}
    for name, p in model.named_parameters():
        flat = p.detach().reshape(-1)
        places = [(7919 * (k + 1) * 104729) % flat.numel() for k in range(3)]
        result[name] = {
            "norm": float(flat.double().square().sum().sqrt()),
            "places": places, "values": [float(flat[i]) for i in places]}
    (OUT / "smollm2.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    tiny("llama", OUT / "llama.gguf", ["Q8_0", "F16", "Q4_1", "BF16", "Q5_0"])
    tiny("qwen2", OUT / "qwen2.gguf", ["Q4_0", "Q5_1", "F16"], biases=True,
         tied=True)
    tiny("qwen3", OUT / "qwen3.gguf", ["Q8_0", "Q5_1"], qk_norm=True, head=128,
         tied=True, layers=1)  # transformers reads no other head size here
    for name in ["llama", "qwen2", "qwen3"]:
        expected(name)
    (OUT / "llama_bias.json").write_text(json.dumps(permuted_bias()) + "\n")
    smollm2()
