"""Golden numbers of SmolLM2-135M-Instruct from its GGUF file, by transformers.

Made with transformers 5.23.0, gguf 0.19.0 and torch 2.13.0 (eager attention),
the fp32 weights computed with in fp64: one channel of SmolLM2 is so much larger
than the rest that transformers' own fp32 gradients are up to 1e-3 (relative
L2; median 1e-4) away from its fp64 ones, so fp32 is no reference at 5e-5.
Usage: smollm2.py GGUF OUTPUT.json [FULL.safetensors]

OUTPUT (tests/fixtures/models/smollm2_gguf.json) has the tokens of both parts,
norms and sampled elements of logits and gradients, and the losses of 20 AdamW
steps on rows of configs/data/identity.jsonl, at a rate at which they do not
memorize: a run that does multiplies any rounding. FULL gets every logit and gradient whole (600 MB), for the comparison
that tools/peers runs.

Sampled elements of a tensor with N elements: i * 2654435761 mod N, i < 16.
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

LENGTHS = (96, 41)
STEPS, STEP_TOKENS = 20, 256
ADAMW = dict(lr=2e-5, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
SAMPLES = 16
DATA = (pathlib.Path(__file__).resolve().parents[2]
        / "configs/data/identity.jsonl")

TEXT = """A lighthouse keeper keeps a log. Every evening he writes down the
weather, the ships that passed, and what he had for supper. In 1874 the log
says: "Wind from the north-west, 7 Beaufort; two brigs and a steamer; herring."
The next keeper found 212 such pages and typed them into a table:
| day | wind | ships |
|-----|------|-------|
| 1   | NW 7 | 3     |
def mean(values): return sum(values) / len(values)
Wer liest, der weiss. Qui va piano va sano. 3.14159 is not 22/7.
"""


def describe(tensor):
    flat = tensor.detach().reshape(-1)
    index = [i * 2654435761 % flat.numel() for i in range(SAMPLES)]
    return {
        "norm": flat.double().norm().item(),
        "largest": flat.abs().max().item(),
        "samples": [flat[i].item() for i in index],
    }


def load(path):
    return transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, attn_implementation="eager",
        dtype=torch.float32).double()


def sum_loss(model, tokens):
    logits = model(input_ids=tokens[None], use_cache=False).logits[0]
    return logits, torch.nn.functional.cross_entropy(
        logits[:-1], tokens[1:], reduction="sum")


def gradients(model, ids, full):
    model.zero_grad()
    targets = sum(LENGTHS) - len(LENGTHS)
    logits, loss, begin = [], 0.0, 0
    for length in LENGTHS:
        out, part = sum_loss(model, ids[begin:begin + length])
        (part / targets).backward()
        loss += part.item() / targets
        logits.append(out.detach())
        begin += length
    logits = torch.cat(logits)
    grads = {n: p.grad for n, p in model.named_parameters()}
    if full:
        tensors = {"grad." + n: g.float() for n, g in grads.items()}
        save_file({**tensors, "logits": logits.float()}, full)
    return {
        "tokens": ids[:begin].tolist(), "lengths": LENGTHS, "loss": loss,
        "logits": describe(logits),
        "gradients": {n: describe(g) for n, g in grads.items()},
    }


def training(model, ids):
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay}, {"params": rest, "weight_decay": 0.0}], **ADAMW)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        tokens = ids[step * STEP_TOKENS:(step + 1) * STEP_TOKENS]
        _, loss = sum_loss(model, tokens)
        loss = loss / (STEP_TOKENS - 1)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        print(step, losses[-1], flush=True)
    return {"tokens": ids.tolist(), "length": STEP_TOKENS, **ADAMW,
            "losses": losses}


def main():
    path, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        path.parent, gguf_file=path.name)
    text = tokenizer(TEXT)["input_ids"]
    chat = tokenizer("<|im_start|>user\nHello<|im_end|>\n")["input_ids"]
    ids = torch.tensor(chat + text)
    ids = ids.repeat(1 + sum(LENGTHS) // len(ids))
    model = load(path)
    print("pad_token_id", model.config.pad_token_id)
    result = gradients(model, ids, sys.argv[3] if len(sys.argv) > 3 else None)
    rows = tokenizer(DATA.read_text())["input_ids"][:STEPS * STEP_TOKENS]
    result["training"] = training(model, torch.tensor(rows))
    output.write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
