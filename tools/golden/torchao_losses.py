"""Losses of 20 AdamW steps of SmolLM2-135M in FP8 by Python's torchao.

Versions: torchao 0.18.0, torch 2.13.0 (CPU), transformers 5.23.0, gguf 0.19.0.
torchao is found as tools/golden/torchao_products.py says.
Usage: torchao_losses.py GGUF [RECIPE...]
       (default: bf16 and the three recipes, emulated)

Weights from the GGUF file; tokens and optimizer settings are those of
tests/fixtures/models/smollm2_gguf.json (tools/golden/smollm2.py). As in
Octet, masters are fp32 and everything but the FP8 products computes in bf16;
as under autocast, Float8Linear casts its weight from the fp32 master. The head
stays in bf16. Writes tests/fixtures/torchao/smollm2_losses.json, keeping what
it has of recipes that were not asked for.
"""

import json
import pathlib
import sys
import time

import torch
import transformers
from torchao.float8 import convert_to_float8_training
from torchao.float8.config import Float8LinearConfig

root = pathlib.Path(__file__).resolve().parents[2]
golden = json.loads(
    (root / "tests/fixtures/models/smollm2_gguf.json").read_text())["training"]
output = root / "tests/fixtures/torchao/smollm2_losses.json"
RECIPES = ["bf16", "tensorwise", "rowwise", "rowwise_with_gw_hp"]


def load(path, recipe):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, attn_implementation="eager",
        dtype=torch.float32)
    if recipe != "bf16":
        config = Float8LinearConfig.from_recipe_name(recipe)
        object.__setattr__(config, "emulate", True)
        model = convert_to_float8_training(
            model, config=config,
            module_filter_fn=lambda module, name: "lm_head" not in name)
    return model


def run(path, recipe):
    model = load(path, recipe)
    named = dict(model.named_parameters())
    decay = [p for p in named.values() if p.dim() > 1]
    rest = [p for p in named.values() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay}, {"params": rest, "weight_decay": 0.0}],
        lr=golden["lr"], betas=golden["betas"], eps=golden["eps"],
        weight_decay=golden["weight_decay"])
    float8 = set() if recipe == "bf16" else {
        name for name in named if "_proj." in name}
    length, losses = golden["length"], []
    tokens = torch.tensor(golden["tokens"])
    for step in range(len(tokens) // length):
        start = time.time()
        row = tokens[step * length:(step + 1) * length]
        optimizer.zero_grad()
        seen = {name: p if name in float8 else p.to(torch.bfloat16)
                for name, p in named.items()}
        logits = torch.func.functional_call(
            model, seen, kwargs=dict(input_ids=row[None], use_cache=False)
        ).logits[0]
        assert logits.dtype == torch.bfloat16
        loss = torch.nn.functional.cross_entropy(
            logits[:-1].float(), row[1:], reduction="sum") / (length - 1)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        print(recipe, step, losses[-1], f"{time.time() - start:.1f} s",
              flush=True)
    return losses


def main():
    path = pathlib.Path(sys.argv[1])
    found = json.loads(output.read_text()) if output.exists() else {}
    found["versions"] = dict(
        torch="2.13.0", torchao="0.18.0", transformers="5.23.0")
    for recipe in sys.argv[2:] or RECIPES:
        found[recipe] = run(path, recipe)
        output.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
