"""Losses of 20 AdamW steps of SmolLM2-135M in FP8 by Python's torchao.

Versions: torchao 0.18.0, torch 2.13.0 (CPU), transformers 5.23.0, gguf 0.19.0.
torchao is found as tools/golden/torchao_products.py says.
Usage: torchao_losses.py GGUF [RECIPE...]
       (default: fp32 and the three recipes, emulated)

Weights from the GGUF file; tokens and optimizer settings are those of
tests/fixtures/models/smollm2_gguf.json (tools/golden/smollm2.py). The head
is no FP8 product. Everything but the FP8 products computes in fp32: in bf16
the roundings of two implementations alone move single losses by more than a
percent, which would hide what the recipes do. Writes
tests/fixtures/torchao/smollm2_losses.json, keeping what it has of recipes that
were not asked for.
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
RECIPES = ["fp32", "tensorwise", "rowwise", "rowwise_with_gw_hp"]


def load(path, recipe):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, attn_implementation="eager",
        dtype=torch.float32)
    if recipe != "fp32":
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
    length, losses = golden["length"], []
    tokens = torch.tensor(golden["tokens"])
    for step in range(len(tokens) // length):
        start = time.time()
        row = tokens[step * length:(step + 1) * length]
        optimizer.zero_grad()
        logits = model(input_ids=row[None], use_cache=False).logits[0]
        loss = torch.nn.functional.cross_entropy(
            logits[:-1], row[1:], reduction="sum") / (length - 1)
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
