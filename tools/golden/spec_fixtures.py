"""Fixtures of tests/core/spec: configs and what transformers reads in them.

Needs: transformers 5.23, torch 2.13.
Run from the repository root: python tools/golden/spec_fixtures.py
"""
import json
import math
import pathlib

import torch
from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers import (LlamaConfig, MistralConfig, Qwen2Config,
                          Qwen3Config)

OUT = pathlib.Path("tests/fixtures/spec")
TINY = dict(vocab_size=96, hidden_size=64, intermediate_size=160,
            num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=512)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0,
              high_freq_factor=4.0, original_max_position_embeddings=64)


def written(config, name):
    """config.json as transformers writes it."""
    config.architectures = [name]
    return json.loads(config.to_json_string())


def old_style(config):
    """The same config as transformers 4 wrote it."""
    config = dict(config)
    rope = dict(config.pop("rope_parameters"))
    config["rope_theta"] = rope.pop("rope_theta")
    rope["type"] = rope.pop("rope_type")
    config["rope_scaling"] = None if rope["type"] == "default" else rope
    config["torch_dtype"] = config.pop("dtype", None) or "float16"
    config.pop("layer_types", None)
    return config


def configs():
    yield "llama default", written(LlamaConfig(), "LlamaForCausalLM")
    yield "mistral default", written(MistralConfig(), "MistralForCausalLM")
    yield "qwen2 default", written(Qwen2Config(), "Qwen2ForCausalLM")
    yield "qwen3 default", written(Qwen3Config(), "Qwen3ForCausalLM")
    llama3 = written(LlamaConfig(
        **TINY, rope_parameters={**LLAMA3, "rope_theta": 5e5},
        eos_token_id=[90, 91, 92], bos_token_id=89, tie_word_embeddings=True,
        dtype="bfloat16", rms_norm_eps=1e-5), "LlamaForCausalLM")
    yield "llama3", llama3
    yield "llama3, written by transformers 4", old_style(llama3)
    yield "llama with biases", written(LlamaConfig(
        **TINY, attention_bias=True, mlp_bias=True, head_dim=24,
        dtype="float16"), "LlamaForCausalLM")
    yield "llama linear", old_style(written(LlamaConfig(
        **TINY, rope_parameters={"rope_type": "linear", "factor": 2.5,
                                 "rope_theta": 1e4}), "LlamaForCausalLM"))
    yarn = written(Qwen2Config(
        **TINY, rope_parameters={
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6,
            "original_max_position_embeddings": 128}), "Qwen2ForCausalLM")
    yield "qwen2 yarn", yarn
    yield "qwen2 yarn, written by transformers 4", old_style(yarn)
    yield "qwen3 yarn with everything", written(Qwen3Config(
        **TINY, head_dim=32, attention_bias=True, rope_parameters={
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6,
            "original_max_position_embeddings": 128, "beta_fast": 16.0,
            "beta_slow": 2.0, "mscale": 0.7, "mscale_all_dim": 1.1,
            "truncate": False}), "Qwen3ForCausalLM")
    yield "yarn with attention_factor", written(LlamaConfig(
        **TINY, rope_parameters={
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4,
            "original_max_position_embeddings": 128,
            "attention_factor": 1.5}), "LlamaForCausalLM")
    yield "mistral without a window", written(MistralConfig(
        **TINY, sliding_window=None, head_dim=32), "MistralForCausalLM")
    yield "mistral with a window", written(MistralConfig(
        **TINY, sliding_window=33), "MistralForCausalLM")
    yield "qwen2 sliding upper layers", old_style(written(Qwen2Config(
        **TINY, use_sliding_window=True, sliding_window=40,
        max_window_layers=2), "Qwen2ForCausalLM"))
    yield "qwen3 with layer_types", written(Qwen3Config(
        **TINY, use_sliding_window=True, sliding_window=40,
        layer_types=["sliding_attention", "full_attention",
                     "sliding_attention", "full_attention"]),
        "Qwen3ForCausalLM")
    short = {"model_type": "mistral", "vocab_size": 96, "hidden_size": 256,
             "intermediate_size": 160, "num_hidden_layers": 2,
             "num_attention_heads": 8}
    yield "mistral with the least keys", short
    yield "qwen3 with the least keys", {**short, "model_type": "qwen3",
                                        "num_attention_heads": 32}


def expectation(config):
    """What transformers makes of a config, and the shapes of its model."""
    from transformers import AutoModelForCausalLM
    read = AutoConfig.for_model(**config)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(read)
    rope = read.rope_parameters
    head = model.model.layers[0].self_attn.head_dim
    windows = []
    for layer in model.model.layers:
        window = getattr(layer.self_attn, "sliding_window", None)
        if read.model_type == "mistral":
            window = read.sliding_window
        windows.append(window or 0)
    # The first layer stands for all of them; the sum of all sizes is beside.
    names = {n: list(p.shape) for n, p in model.named_parameters()
             if ".layers." not in n or ".layers.0." in n}
    eos = read.eos_token_id
    result = {
        "architecture": type(model).__name__, "head_size": head,
        "kv_heads": read.num_key_value_heads,
        "rms_norm_eps": read.rms_norm_eps,
        "max_positions": read.max_position_embeddings,
        "tied": read.tie_word_embeddings, "rope": rope, "windows": windows,
        "bos": read.bos_token_id,
        "eos": eos if isinstance(eos, list) else [] if eos is None else [eos],
        "pad": read.pad_token_id,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tensors": names,
    }
    return result


def rope_factors(theta, dim, factor, low, high, original):
    """By how much each frequency is divided: what llama.cpp stores."""
    class Config:
        pass
    config = Config()
    config.head_dim, config.hidden_size, config.num_attention_heads = dim, dim, 1
    config.rope_parameters = {
        "rope_theta": theta, "factor": factor, "low_freq_factor": low,
        "high_freq_factor": high,
        "original_max_position_embeddings": original}
    config.standardize_rope_params = lambda: None
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, device="cpu")
    plain = 1.0 / theta ** (torch.arange(0, dim, 2).float() / dim)
    return (plain / scaled).tolist()


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    cases = []
    for name, config in configs():
        cases.append({"name": name, "config": config,
                      "expected": expectation(config)})
    (OUT / "configs.json").write_text(json.dumps(cases, indent=1) + "\n")
    ropes = []
    for case in [(5e5, 128, 8.0, 1.0, 4.0, 8192), (5e5, 64, 32.0, 1.0, 4.0, 8192),
                 (1e4, 128, 4.0, 1.0, 8.0, 2048), (5e5, 128, 16.0, 1.0, 2.0, 4096)]:
        keys = ["rope_theta", "head_size", "factor", "low", "high", "original"]
        ropes.append({**dict(zip(keys, case)), "factors": rope_factors(*case)})
    (OUT / "rope_factors.json").write_text(json.dumps(ropes) + "\n")
