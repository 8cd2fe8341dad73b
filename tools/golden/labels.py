"""Tokens and labels of chats, by a path that shares nothing with Octet's.

Ids are apply_chat_template(tokenize=True)'s; which of them are trained comes
from character offsets: an answer reaches from the end of the chat before it
(with generation prompt) to the end of the chat with it, and a token counts to
the part in which it starts. Then LLaMA-Factory's rules cut each turn.

Trains the two small tokenizers of tests/fixtures/data as well. Run with
transformers 5.23.0, tokenizers 0.23.3:

  labels.py --out tests/fixtures/data
"""

import argparse
import json
import pathlib

import tokenizers
import transformers
from tokenizers import (Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

CORPUS = [
    "The quick brown fox jumps over the lazy dog while the rain keeps falling.",
    "A model answers questions. The user asks, the assistant answers briefly.",
    "How many legs does a spider have? A spider has eight legs.",
    "Write a function that returns the sum of two numbers:\n\ndef add(a, b):\n"
    "    return a + b\n",
    "Zähle die Wörter in diesem Satz. Größe, Übung, Straße.",
    "What is the capital of France? The capital of France is Paris.",
    "First line\n\nSecond paragraph\n\n\nThird one, after two empty lines.",
    "system user assistant question answer You are a helpful assistant.",
] * 4

SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != "
    "'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named "
    "SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ "
    "'<|im_start|>assistant\n' }}{% endif %}")
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = "
    "messages[1:] %}{% set system_message = messages[0]['content'] %}"
    "{% else %}{% set loop_messages = messages %}{% set system_message = "
    "false %}{% endif %}{% for message in loop_messages %}{% if "
    "(message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ "
    "raise_exception('Conversation roles must alternate "
    "user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == "
    "0 and system_message != false %}{% set content = '<<SYS>>\\n' + "
    "system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}"
    "{% set content = message['content'] %}{% endif %}{% if "
    "message['role'] == 'user' %}{{ bos_token + '[INST] ' + "
    "content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' "
    "%}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor "
    "%}")


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=420, special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer, {
        "bos_token": "<|im_start|>", "eos_token": "<|im_end|>",
        "chat_template": SMOLLM2}


def byte_fallback():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]
    words = [w for line in CORPUS for w in line.replace(" ", "▁").split("\n")]
    tokenizer.train_from_iterator(words, trainers.BpeTrainer(
        vocab_size=560, special_tokens=special))
    # Byte tokens are plain vocabulary; only the first three are special.
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = data["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer, {
        "bos_token": "<s>", "eos_token": "</s>", "chat_template": LLAMA2}


def chats():
    s, u, a = "system", "user", "assistant"
    plain = [
        [(u, "How many legs does a spider have?"), (a, "Eight.")],
        [(s, "Be brief."), (u, "What is the capital of France?"),
         (a, "The capital of France is Paris.")],
        [(u, "One"), (a, "First answer"), (u, "Two, with more words to read"),
         (a, "Second answer, which is a longer one than the first answer was"),
         (u, "Three"), (a, "Third")],
        [(u, "Write a function that returns the sum of two numbers. " * 6),
         (a, "def add(a, b):\n    return a + b\n")],
        [(u, "Why?"), (a, "Because the rain keeps falling. " * 12)],
        [(u, "Both sides are long. " * 8), (a, "Yes, both of them are. " * 8)],
        [(u, "Newlines first"), (a, "\n\nanswer"), (u, "  spaces  "),
         (a, "  two spaces")],
        [(u, "Größe? 你好 👩‍👩‍👧"), (a, "Straße é é 🎉")],
    ]
    return [[{"role": r, "content": c} for r, c in chat] for chat in plain]


def fit_turn(source, target, room):
    """infer_seqlen of LLaMA-Factory, in its own words' arithmetic."""
    if target * 2 < room:
        most = room
    elif source * 2 < room:
        most = room - source
    else:
        most = int(room * (target / (source + target)))
    kept_target = min(most, target)
    return min(max(room - kept_target, 0), source), kept_target


def turns_of(tokenizer, chat):
    """(source ids, target ids) of each turn."""
    def text(messages, open_answer):
        return tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=open_answer)

    whole = text(chat, False)
    encoded = tokenizer(
        whole, add_special_tokens=False, return_offsets_mapping=True)
    ids = tokenizer.apply_chat_template(chat, tokenize=True)["input_ids"]
    assert ids == encoded["input_ids"]
    turns, at = [], 0
    starts = [begin for begin, _ in encoded["offset_mapping"]]
    for i, message in enumerate(chat):
        if message["role"] != "assistant":
            continue
        begin, end = len(text(chat[:i], True)), len(text(chat[:i + 1], False))
        assert whole.startswith(text(chat[:i], True))
        source, target = [], []
        while at < len(ids) and starts[at] < begin:
            source.append(ids[at])
            at += 1
        while at < len(ids) and starts[at] < end:
            target.append(ids[at])
            at += 1
        turns.append((source, target))
    assert at == len(ids)
    return turns


def encode(turns, cutoff, train_on_prompt, mask_history):
    tokens, labels, used = [], [], 0
    order = list(reversed(turns)) if mask_history else turns
    for number, (source, target) in enumerate(order):
        if used >= cutoff:
            break
        n_source, n_target = fit_turn(len(source), len(target), cutoff - used)
        source, target = source[:n_source], target[:n_target]
        used += n_source + n_target
        source_labels = source if train_on_prompt else [-100] * n_source
        trained = not (mask_history and number > 0)
        target_labels = target if trained else [-100] * n_target
        if mask_history:
            tokens = source + target + tokens
            labels = source_labels + target_labels + labels
        else:
            tokens += source + target
            labels += source_labels + target_labels
    return tokens, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True, type=pathlib.Path)
    out = parser.parse_args().out
    cases = []
    for name, template, make in (
            ("byte_level", "smollm2", byte_level),
            ("byte_fallback", "llama2", byte_fallback)):
        tokenizer, config = make()
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(
            json.dumps(config, indent=1) + "\n")
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, **config)
        for number, chat in enumerate(chats()):
            turns = turns_of(fast, chat)
            for cutoff in (4096, 64, 40, 17):
                for prompt, history in ((0, 0), (1, 0), (0, 1)):
                    if cutoff != 4096 and number in (0, 6, 7):
                        continue
                    tokens, labels = encode(turns, cutoff, prompt, history)
                    cases.append({
                        "tokenizer": name, "template": template, "chat": number,
                        "max_length": cutoff, "train_on_prompt": bool(prompt),
                        "mask_history": bool(history), "tokens": tokens,
                        "trained": [int(label != -100) for label in labels]})
    lengths = [
        {"source": s, "target": t, "room": r, "kept": fit_turn(s, t, r)}
        for s in (0, 1, 5, 30, 49, 50, 51, 200) for t in (1, 5, 49, 50, 51, 200)
        for r in (1, 2, 10, 99, 100, 101)]
    golden = {
        "made_by": "tools/golden/labels.py",
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "chats": chats(), "cases": cases, "turn_lengths": lengths}
    (out / "labels.json").write_text(
        json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
