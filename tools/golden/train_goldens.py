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


# A whole tiny model for runs through the built program: byte-level BPE with
# a few merges and ChatML's tokens, and random Llama weights.
def tiny_model():
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from tokenizers import pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers import PreTrainedTokenizerFast

    target = folder / "tiny"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("e", "r"),
              ("Ġ", "a"), ("o", "u"), ("Ġ", "w"), ("a", "n"), ("l", "l")]
    words = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + alphabet
    words += ["".join(pair) for pair in merges]
    tokenizer = Tokenizer(models.BPE(
        vocab={word: i for i, word in enumerate(words)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(word, special=True) for word in words[:3]])
    chat_template = (
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + "
        "'\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% endif %}")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>",
        eos_token="<|im_end|>", pad_token="<|endoftext|>",
        chat_template=chat_template).save_pretrained(target)

    torch.manual_seed(11)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=48,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, max_position_embeddings=256, tie_word_embeddings=True,
        bos_token_id=1, eos_token_id=2, pad_token_id=0)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.15)
    model.save_pretrained(target)


tiny_model()
