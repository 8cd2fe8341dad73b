"""Loads what Octet exports in the programs it is meant for: two steps of LoRA
on SmolLM2, the adapter in PEFT, the merged folder in transformers.

Checked: no tensor missing, unexpected or misshapen; the merged weights equal
PEFT's own merge; the folder's config, tokenizer and greedy answer are those of
the base model with the adapter.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

TRAINER = os.environ.get("OCTET_TRAINER", "build/bin/trainer")
CACHE = pathlib.Path(
    os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
MODEL = (CACHE / "octet/models/smollm2-135m-instruct"
         / "SmolLM2-135M-Instruct.Q4_1.gguf")
PROMPT = "What is the capital of France?"
failures = []


def check(name, good, found=""):
    print(f"{'ok  ' if good else 'FAIL'} {name} {found}")
    if not good:
        failures.append(name)


def trainer(*arguments):
    done = subprocess.run([TRAINER, *map(str, arguments)], text=True,
                          capture_output=True)
    if done.returncode != 0:
        sys.exit(f"trainer {arguments[0]} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def result_of(run, file):
    """The folder below a run directory that holds `file`."""
    found = [p.parent for p in run.rglob(file) if "checkpoint" not in str(p)]
    if not found:
        sys.exit(f"expected {file} below {run}, found none")
    return found[0]


def load(path, **options):
    return AutoModelForCausalLM.from_pretrained(
        path, dtype=torch.float32, output_loading_info=True, **options)


@torch.no_grad()
def compare(folder):
    config = folder / "run.toml"
    config.write_text(f"""
[run]
name = "export"
output = "{folder}/run"
[model]
path = "{MODEL}"
[data]
train = [{{ path = "{os.getcwd()}/configs/data/identity.jsonl" }}]
max_length = 256
[train]
max_steps = 2
batch_size = 1
learning_rate = 1e-3
[precision]
backend = "fp32"
[features.lora]
rank = 4
target = "all-linear"
""")
    trainer("--config", config)
    adapter = result_of(folder / "run", "adapter_config.json")
    merged = folder / "merged"
    trainer("merge", "--adapter", adapter, "--output", merged, "--dtype",
            "fp32")

    base, _ = load(MODEL.parent, gguf_file=MODEL.name)
    ours, info = load(merged)
    for kind in ["missing_keys", "unexpected_keys", "mismatched_keys"]:
        check(f"merged folder: no {kind}", not info[kind], list(info[kind])[:3])
    check("merged folder: tied embeddings", ours.lm_head.weight.data_ptr() ==
          ours.model.embed_tokens.weight.data_ptr())
    for key in ["hidden_size", "num_key_value_heads", "rms_norm_eps",
                "eos_token_id", "vocab_size", "max_position_embeddings"]:
        ours_value, base_value = (getattr(ours.config, key),
                                  getattr(base.config, key))
        close = (abs(ours_value - base_value) < 1e-9
                 if isinstance(base_value, float) else ours_value == base_value)
        check(f"config {key}", close, ours_value)

    theirs = PeftModel.from_pretrained(base, adapter).merge_and_unload()
    worst, changed = 0.0, 0
    original, _ = load(MODEL.parent, gguf_file=MODEL.name)
    before = dict(original.named_parameters())
    merged_weights = dict(ours.named_parameters())
    for name, value in theirs.named_parameters():
        mine = merged_weights[name]
        worst = max(worst, float((mine - value).abs().max()))
        changed += int(not torch.equal(mine, before[name]))
    check("merged weights equal PEFT's merge", worst < 1e-6, worst)
    check("the adapter changed every linear layer", changed == 7 * 30, changed)

    tokenizer = AutoTokenizer.from_pretrained(merged)
    text = "Hello, wörld!  <|im_start|>user\n"
    ids = json.loads(trainer(
        "tokenize", "--model", MODEL, "--text", text, "--json"))["ids"]
    check("tokenizer", tokenizer(text)["input_ids"] == ids, ids)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": PROMPT}], add_generation_prompt=True,
        return_tensors="pt", return_dict=True)
    out = ours.generate(**prompt, max_new_tokens=24, do_sample=False)
    expected = tokenizer.decode(out[0, prompt["input_ids"].shape[1]:],
                                skip_special_tokens=True)
    answer = trainer("generate", "--model", merged, "--prompt", PROMPT,
                     "--max-new-tokens", 24, "--backend", "fp32")
    check("greedy answer", expected.strip() in answer, repr(expected))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="octet-export-") as temporary:
        compare(pathlib.Path(temporary))
    sys.exit(1 if failures else 0)
