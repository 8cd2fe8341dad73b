"""Golden models: tiny random decoders of every supported architecture with
the logits and gradients that transformers computes for them.

Made with transformers 5.23.0 and torch 2.13.0 (eager attention, fp32).
Usage: model.py OUTPUT_FOLDER   (tests/fixtures/models)

Each folder has config.json and model.safetensors as save_pretrained writes
them, and golden.safetensors:
  input_ids   int64 [n]: two sequences behind one another
  cu_seqlens  int64 [3]
  logits      fp32 [n, v]: of each sequence run on its own
  loss        fp64 [1]: mean over both sequences' targets
  grad.NAME   fp32: gradient of that mean
"""

import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

LENGTHS = (29, 18)
SMALL = dict(
    vocab_size=112,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=None,
)


def models():
    t = transformers
    plain = {"rope_type": "default", "rope_theta": 10000.0}
    yield "llama2", t.LlamaConfig(
        **{**SMALL, "num_key_value_heads": 4}, rope_parameters=plain,
        rms_norm_eps=1e-5, tie_word_embeddings=False)
    yield "llama3", t.LlamaConfig(
        **{**SMALL, "max_position_embeddings": 128}, rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0,
            "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32})
    yield "smollm2", t.LlamaConfig(
        **{**SMALL, "pad_token_id": 2},
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
        rms_norm_eps=1e-5, tie_word_embeddings=True)
    yield "llama_biases", t.LlamaConfig(
        **SMALL, rope_parameters=plain, attention_bias=True, mlp_bias=True,
        head_dim=16, tie_word_embeddings=False)
    yield "llama_linear", t.LlamaConfig(
        **SMALL, tie_word_embeddings=False,
        rope_parameters={**plain, "rope_type": "linear", "factor": 3.0})
    yield "llama_yarn", t.LlamaConfig(
        **{**SMALL, "max_position_embeddings": 128},
        tie_word_embeddings=False,
        rope_parameters={
            "rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0,
            "original_max_position_embeddings": 32})
    yield "mistral", t.MistralConfig(
        **SMALL, rope_parameters=plain, sliding_window=7,
        tie_word_embeddings=False)
    yield "qwen2", t.Qwen2Config(
        **SMALL, rope_parameters=plain, use_sliding_window=False,
        tie_word_embeddings=True)
    yield "qwen2_window", t.Qwen2Config(
        **SMALL, rope_parameters=plain, use_sliding_window=True,
        sliding_window=9, max_window_layers=1, tie_word_embeddings=False)
    yield "qwen3", t.Qwen3Config(
        **SMALL, rope_parameters=plain, head_dim=16, tie_word_embeddings=True)


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(1 + 0.2 * values)
            else:
                parameter.copy_(0.15 * values)


def write(folder, config, seed):
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(
        config, attn_implementation="eager", dtype=torch.float32)
    randomize(model, seed)
    model.train()
    generator = torch.Generator().manual_seed(seed + 1)
    targets = sum(LENGTHS) - len(LENGTHS)
    ids, logits, loss = [], [], 0.0
    for length in LENGTHS:
        tokens = torch.randint(
            0, config.vocab_size, (1, length), generator=generator)
        out = model(input_ids=tokens, use_cache=False).logits[0]
        part = torch.nn.functional.cross_entropy(
            out[:-1], tokens[0, 1:], reduction="sum") / targets
        part.backward()
        loss += part.item()
        ids.append(tokens[0])
        logits.append(out.detach())
    golden = {
        "input_ids": torch.cat(ids),
        "cu_seqlens": torch.tensor([0, LENGTHS[0], sum(LENGTHS)]),
        "logits": torch.cat(logits).contiguous(),
        "loss": torch.tensor([loss], dtype=torch.float64),
    }
    for name, parameter in model.named_parameters():
        golden["grad." + name] = parameter.grad.contiguous()
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file(golden, folder / "golden.safetensors")


def main():
    torch.set_num_threads(1)
    root = pathlib.Path(sys.argv[1])
    for seed, (name, config) in enumerate(models(), start=100):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, config, seed)
        print(name, sum(f.stat().st_size for f in folder.iterdir()))


if __name__ == "__main__":
    main()
