"""Renders chats with transformers' apply_chat_template, for tests of the templates.

Texts of chat templates come from public sources that hold the models' own:
GGUF files, llama.cpp's models/templates/*.jinja, and the end-to-end test of
huggingface.js (packages/jinja/test/e2e.test.js). They are not kept here: the
golden file holds their SHA-256 and what they render.

Every text that renders all chats as the anchor of a named template does counts
as that template. Run with transformers 5.23.0, jinja2 3.1.6:

  templates.py --gguf FILE ... --jinja FOLDER --js FILE \\
    --out tests/fixtures/templates --known core/text/known_jinja.inc
"""

import argparse
import hashlib
import json
import pathlib
import re

import gguf
import jinja2
import transformers
from tokenizers import Tokenizer, models

# Named template -> the source whose rendering it must equal.
ANCHORS = {
    "chatml": "js:_base",
    "smollm2": "gguf:SmolLM2-135M-Instruct.Q4_1",
    "qwen1.5": "gguf:ggml-vocab-qwen2",
    "qwen2": "own:qwen2",
    "qwen": "jinja:Qwen-Qwen2.5-7B-Instruct",
    "qwen3": "jinja:Qwen-Qwen3-0.6B",
    "llama2": "own:llama2",
    "llama3": "own:llama3",
    "llama3.1": "jinja:meta-llama-Llama-3.1-8B-Instruct",
    "mistral": "js:mistralai/Mixtral-8x7B-Instruct-v0.1",
    "mistral-v0.1": "js:TheBloke/Mistral-7B-Instruct-v0.1-GPTQ",
    "mistral-nemo": "jinja:mistralai-Mistral-Nemo-Instruct-2407",
    "gemma": "jinja:google-gemma-2-2b-it",
    "phi3": "jinja:microsoft-Phi-3.5-mini-instruct",
    "zephyr": "js:HuggingFaceH4/zephyr-7b-beta (add_generation_prompt=false)",
    "deepseek": "js:deepseek-ai/deepseek-llm-7b-chat",
    "command-r": "gguf:ggml-vocab-command-r",
    "openchat": "js:openchat/openchat-3.5-0106",
    "deepseek-r1": "js:deepseek-ai/DeepSeek-R1",
}

# The same text with other arguments: no model names it by its digest.
VARIANTS = {
    "qwen3-nothink": ("jinja:Qwen-Qwen3-0.6B", {"enable_thinking": False}),
}

# Chats that a family's text renders but Octet refuses, because a part of them
# would be lost or needs a form that slots do not have.
OCTET_REFUSES = {
    "tool": {"llama3.1", "phi3", "zephyr", "deepseek", "deepseek-r1",
             "openchat"},
}

BOS, EOS = "<s>", "</s>"


def message(role, content):
    return {"role": role, "content": content}


def chats():
    s, u, a, t = "system", "user", "assistant", "tool"
    plain = [
        [(u, "Hello")],
        [(u, "Hello"), (a, "Hi there")],
        [(s, "You are brief."), (u, "Who are you?"), (a, "A model.")],
        [(u, "1+1?"), (a, "2"), (u, "And 2+2?"), (a, "4"), (u, "3+3?")],
        [(s, "Be kind."), (u, "1+1?"), (a, "2"), (u, "And 2+2?"), (a, "4")],
        [(u, "  spaces before"), (a, "and after  ")],
        [(s, " \n system \t"), (u, "\nline\n"), (a, "\n\nanswer\n\n")],
        [(u, "Grüße, 你好, مرحبا, 👩‍👩‍👧"), (a, "é = é? ﬁ ﬂ")],
        [(u, "\u00a0\u2003wide\u3000"), (a, "\u200bzero\u200b \u0085")],
        [(u, "{{ bos_token }} {bos} {eos} {user}"), (a, "{assistant} {% if %}")],
        [(u, "<|im_end|></s>[/INST]<|eot_id|>"), (a, "<|im_start|>user")],
        [(u, "code?"), (a, "```python\ndef f(x):\n    return x\n```\n")],
        [(s, ""), (u, "An empty system message."), (a, "Yes.")],
        [(u, "think"), (a, "<think>\nhm\n</think>\n\nDone."), (u, "more"),
         (a, "<think>\nhm, hm\n</think>\n\nDone again.")],
        [(u, "think"), (a, "no tags"), (u, "more"), (a, "</think>odd")],
        [(a, "I speak first."), (u, "No.")],
        [(u, "one"), (u, "two"), (a, "three")],
        [(u, "Weather?"), (a, "call()"), (t, "{\"sun\": 1}"), (a, "Sunny.")],
    ]
    return [[message(*pair) for pair in chat] for chat in plain]


def kinds(chat):
    return {m["role"] for m in chat}


def js_templates(path):
    """Key and text of every chat_template: `...` of the test file."""
    source = path.read_text()
    key = None
    unescape = {"n": "\n", "t": "\t", "r": "\r"}
    pattern = re.compile(
        r'^\t(?:"(?P<quoted>[^"]+)"|(?P<bare>\w+)): \{$'
        r'|chat_template: `(?P<text>(?:[^`\\]|\\.)*)`', re.M | re.S)
    for match in pattern.finditer(source):
        if match["text"] is None:
            key = match["quoted"] or match["bare"]
            continue
        yield key, re.sub(
            r"\\(.)", lambda m: unescape.get(m[1], m[1]), match["text"],
            flags=re.S)


def own_templates():
    """Texts of tokenizer_config.json files that no other source holds."""
    yield "qwen2", (
        "{% for message in messages %}{% if loop.first and "
        "messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a "
        "helpful assistant.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + "
        "message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
        "{% endfor %}{% if add_generation_prompt %}{{ "
        "'<|im_start|>assistant\n' }}{% endif %}")
    yield "llama2", (
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
    yield "llama3", (
        "{% set loop_messages = messages %}{% for message in loop_messages %}"
        "{% set content = '<|start_header_id|>' + message['role'] + "
        "'<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}"
        "{% if loop.index0 == 0 %}{% set content = bos_token + content %}"
        "{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}")


def sources(arguments):
    for path in arguments.gguf:
        field = gguf.GGUFReader(path).fields.get("tokenizer.chat_template")
        if field:
            yield "gguf:" + pathlib.Path(path).stem, field.contents()
    for path in sorted(pathlib.Path(arguments.jinja).glob("*.jinja")):
        yield "jinja:" + path.stem, path.read_text()
    for key, text in js_templates(pathlib.Path(arguments.js)):
        yield "js:" + key, text
    for key, text in own_templates():
        yield "own:" + key, text


def spellings(text):
    """The text, and with line ends in its strings written the other way."""
    yield text
    yield re.sub(
        r"'[^'\n]*(?:\n[^'\n]*)+'",
        lambda m: m[0].replace("\n", "\\n"), text)
    if "{%-" not in text:
        yield text.replace("\\n", "\n")


def digest(text):
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text[:-1] if text.endswith("\n") else text
    return hashlib.sha256(text.encode()).hexdigest()


def render(tokenizer, text, chat, open_answer, options):
    try:
        return tokenizer.apply_chat_template(
            chat, chat_template=text, tokenize=False,
            add_generation_prompt=open_answer, **options)
    except jinja2.exceptions.TemplateError:
        return None
    except (TypeError, ValueError, KeyError):
        return None


def signature(tokenizer, text, options=None):
    options = options or {}
    rendered = []
    for chat in chats():
        for open_answer in (False, True):
            rendered.append(
                render(tokenizer, text, chat, open_answer, options))
    return tuple(rendered)


def make_cases(name, wanted):
    cases = []
    rendered = iter(wanted)
    for chat in chats():
        case = {"closed": next(rendered), "open": next(rendered)}
        for kind, names in OCTET_REFUSES.items():
            if kind in kinds(chat) and name in names:
                case = {"octet_refuses": kind}
        cases.append(case)
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gguf", nargs="+", default=[])
    parser.add_argument("--jinja", required=True)
    parser.add_argument("--js", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--known", required=True, type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()

    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE()), bos_token=BOS, eos_token=EOS)
    texts = dict(sources(arguments))
    signatures = {}
    for source, text in texts.items():
        signatures[source] = signature(tokenizer, text)

    # A date that changes daily is fixed to the text's own fallback.
    dated = {}
    for source, text in texts.items():
        if "strftime_now" in text:
            dated[source] = signature(
                tokenizer, text, {"date_string": "26 Jul 2024"})

    templates = []
    claimed = set()
    for name, anchor in sorted(ANCHORS.items()):
        wanted = signatures[anchor]
        digests = {}
        for source, text in texts.items():
            same = signatures[source] == wanted
            if not same and dated.get(source) != wanted:
                continue
            claimed.add(source)
            for spelling in spellings(text):
                options = {} if same else {"date_string": "26 Jul 2024"}
                if signature(tokenizer, spelling, options) != wanted:
                    continue
                key = digest(spelling)
                if key not in digests:
                    digests[key] = {"sha256": key, "source": source}
                    if not same:
                        digests[key]["date"] = "26 Jul 2024"
        templates.append({
            "name": name, "jinja": list(digests.values()),
            "cases": make_cases(name, wanted)})
    for name, (source, options) in VARIANTS.items():
        wanted = signature(tokenizer, texts[source], options)
        templates.append(
            {"name": name, "jinja": [], "cases": make_cases(name, wanted)})

    if arguments.list:
        for entry in templates:
            print(entry["name"], [d["source"] for d in entry["jinja"]])
        groups = {}
        for source in texts:
            if source not in claimed:
                groups.setdefault(signatures[source], []).append(source)
        for members in groups.values():
            print("unclaimed", members)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    golden = {
        "made_by": "tools/golden/templates.py",
        "transformers": transformers.__version__,
        "jinja2": jinja2.__version__,
        "bos": BOS,
        "eos": EOS,
        "chats": chats(),
        "templates": templates,
    }
    (arguments.out / "rendered.json").write_text(
        json.dumps(golden, ensure_ascii=False, indent=0) + "\n")
    lines = ["// Made by tools/golden/templates.py: SHA-256, template, date."]
    for entry in templates:
        for known in entry["jinja"]:
            lines.append("// %s" % known["source"])
            lines.append('{"%s",' % known["sha256"])
            lines.append('"%s", "%s"},' % (entry["name"], known.get("date", "")))
    arguments.known.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
