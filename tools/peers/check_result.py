"""Trains a tiny model in fp32, full and with LoRA, and reads the results with
the programs they are meant for.

Checked: every log-probability that Octet gave to its own answers equals the
one of transformers (full) and PEFT (adapter) on the same tokens, within 1e-5
of the largest logit; TensorBoard reads the same losses as events.jsonl
(where the environment has it).
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRAINER = os.environ.get("OCTET_TRAINER", str(ROOT / "build/bin/trainer"))
TINY = ROOT / "tests/fixtures/train/tiny"
PROMPTS = ["What is thing 3?", "Tell me the other one, naïve 東京."]
failures = []


def check(name, good, found=""):
    print(f"{'ok  ' if good else 'FAIL'} {name} {found}")
    if not good:
        failures.append(name)


def trainer(*arguments):
    done = subprocess.run([TRAINER, *map(str, arguments)], text=True,
                          capture_output=True)
    if done.returncode != 0:
        sys.exit(f"trainer {arguments} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def train(folder, name, extra):
    data = folder / "data.jsonl"
    with open(data, "w") as file:
        for i in range(24):
            file.write(json.dumps({
                "instruction": f"What is thing {i}?",
                "output": f"Thing {i} has that number."}) + "\n")
    config = folder / f"{name}.toml"
    config.write_text(f"""
[run]
output = "{folder / name}"
[model]
path = "{TINY}"
[data]
train = [{{ path = "{data}", format = "alpaca" }}]
template = "chatml"
max_length = 128
use_cache = false
[train]
epochs = 6
learning_rate = 0.01
[precision]
backend = "fp32"
{extra}
""")
    trainer("--config", config)
    return folder / name


@torch.no_grad()
def compare(name, model, result):
    for prompt in PROMPTS:
        answer = json.loads(trainer(
            "generate", "--model", result, "--prompt", prompt, "--template",
            "chatml", "--backend", "fp32", "--max-new-tokens", 40,
            "--temperature", 1.5, "--seed", 3, "--json"))
        ids = answer["prompt_tokens"] + answer["tokens"]
        logits = model(torch.tensor([ids])).logits[0].double()
        first = len(answer["prompt_tokens"]) - 1
        steps = torch.arange(first, len(ids) - 1)
        expected = logits.log_softmax(-1)[steps, torch.tensor(ids[first + 1:])]
        worst = float((expected - torch.tensor(
            answer["logprobs"], dtype=torch.float64)).abs().max())
        bound = 1e-5 * float(logits.abs().max())
        check(f"{name}: log-probabilities of {len(steps)} tokens",
              worst <= bound, f"{worst:.1e} of at most {bound:.1e}")


def compare_tensorboard(run):
    try:
        from tensorboard.backend.event_processing import event_accumulator
    except ImportError:
        print("--   no tensorboard in this environment: not compared")
        return
    events = event_accumulator.EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    theirs = [(s.step, s.value) for s in events.Scalars("train/loss")]
    ours = [json.loads(line) for line in open(run / "events.jsonl")]
    ours = [(e["step"], e["loss"]) for e in ours if e["event"] == "step"]
    same = len(ours) == len(theirs) and all(
        a[0] == b[0] and abs(a[1] - b[1]) < 1e-6 * abs(a[1])
        for a, b in zip(ours, theirs))
    check("TensorBoard reads the losses", same, len(theirs))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="octet-result-") as temporary:
        folder = pathlib.Path(temporary)
        full = train(folder, "full", "")
        load = AutoModelForCausalLM.from_pretrained
        compare("full", load(full / "model", dtype=torch.float32),
                full / "model")
        compare_tensorboard(full)
        lora = train(folder, "lora", "[features.lora]\nrank = 4\n")
        base = load(TINY, dtype=torch.float32)
        compare("lora", PeftModel.from_pretrained(base, lora / "model").eval(),
                lora / "model")
    sys.exit(1 if failures else 0)
