"""Makes tests/fixtures/train/: schedules and AdamW steps.

Versions: torch 2.13.0, transformers 5.23.0.
Run: python tools/golden/train_goldens.py
"""
import json
import pathlib

import torch
from transformers import optimization

folder = pathlib.Path("tests/fixtures/train")
folder.mkdir(parents=True, exist_ok=True)


def factors(make, total):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = make(optimizer)
    result = []
    for _ in range(total):
        result.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return result


cases = []


def case(name, total, warmup, decay, minimum, make):
    cases.append(
        dict(schedule=name, total=total, warmup=warmup, decay=decay,
             minimum=minimum, factors=factors(make, total)))


for total, warmup in [(20, 0), (20, 3), (7, 1), (5, 9)]:
    case("cosine", total, warmup, 0, 0,
         lambda o: optimization.get_cosine_schedule_with_warmup(
             o, warmup, total))
    case("cosine", total, warmup, 0, 0.1,
         lambda o: optimization.get_cosine_with_min_lr_schedule_with_warmup(
             o, warmup, total, min_lr_rate=0.1))
    case("linear", total, warmup, 0, 0,
         lambda o: optimization.get_linear_schedule_with_warmup(
             o, warmup, total))
    case("constant", total, warmup, 0, 0,
         lambda o: optimization.get_constant_schedule_with_warmup(o, warmup))
for total, warmup, decay, minimum in [
        (20, 3, 6, 0), (20, 0, 20, 0), (20, 4, 5, 0.25), (10, 2, 0, 0)]:
    case("warmup-stable-decay", total, warmup, decay / total, minimum,
         lambda o: optimization.get_wsd_schedule(
             o, warmup, decay, num_training_steps=total,
             min_lr_ratio=minimum))
(folder / "schedules.json").write_text(json.dumps(cases) + "\n")

# AdamW with clipping: two tensors, the second without weight decay.
torch.manual_seed(7)
decayed = torch.nn.Parameter(torch.randn(3, 5))
plain = torch.nn.Parameter(torch.randn(4))
optimizer = torch.optim.AdamW(
    [dict(params=[decayed], weight_decay=0.1),
     dict(params=[plain], weight_decay=0.0)],
    lr=1.0, betas=(0.9, 0.95), eps=1e-8)
steps = []
start = [decayed.tolist(), plain.tolist()]
for rate in [0.01, 0.02, 0.005, 0.001]:
    decayed.grad = torch.randn(3, 5)
    plain.grad = torch.randn(4) * 0.2
    grads = [decayed.grad.tolist(), plain.grad.tolist()]
    norm = torch.nn.utils.clip_grad_norm_([decayed, plain], 2.5)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    steps.append(dict(
        learning_rate=rate, grads=grads, grad_norm=float(norm),
        values=[decayed.tolist(), plain.tolist()],
        exp_avg=[optimizer.state[p]["exp_avg"].tolist()
                 for p in (decayed, plain)],
        exp_avg_sq=[optimizer.state[p]["exp_avg_sq"].tolist()
                    for p in (decayed, plain)]))
(folder / "adamw.json").write_text(json.dumps(
    dict(start=start, max_grad_norm=2.5, beta1=0.9, beta2=0.95,
         epsilon=1e-8, weight_decay=0.1, steps=steps)) + "\n")
