"""Makes tests/fixtures/tokenizers: small tokenizers of every configuration with
what Hugging Face tokenizers gives for them, and llama.cpp's vectors with
vocabularies that are cut down to what their texts can use.

    python tools/golden/tokenizer_fixtures.py VOCABULARIES [SMOLLM2.gguf]

tokenizers 0.23.3, transformers 5.23.0, gguf 0.19.0. VOCABULARIES is the folder
vendor/llama.cpp/models of the source package llama-cpp-python 0.3.36, with its
ggml-vocab-*.gguf, .inp and .out files.
"""
import hashlib
import json
import pathlib
import sys
import unicodedata

import gguf
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers as pre, processors, trainers)

from tokenizer_strings import HAND_PICKED, WORDS, texts, varied, with_tokens

OUT = pathlib.Path(__file__).parents[2] / "tests/fixtures/tokenizers"
FAMILIES = ("gpt-2 llama-bpe qwen2 deepseek-llm deepseek-coder falcon starcoder command-r "
            "refact mpt llama-spm phi-3").split()

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
         r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
         r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
         r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
# Constructs that PCRE2 reads otherwise than Oniguruma.
CLASSES = (r"\b\w{1,6}\b|[[:digit:]]{2}+|\d{,3}(?=\D)|[a-f[x-z]]++|(?<two>\S\S)|\h+$|"
           r"^\p{^L}|[\s&&\S]?|.|\n".replace(r"[\s&&\S]?|", "") + r"|\p{Han}+|\u00e9|(?m:.)")
GPT2_ALPHABET = pre.ByteLevel.alphabet()


def trained(model, trainer_options, normalizer=None, pre_tokenizer=None, decoder=None,
            post=None, specials=("<|endoftext|>", "<|im_start|>", "<|im_end|>")):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder:
        tokenizer.decoder = decoder
    trainer = trainers.BpeTrainer(special_tokens=list(specials), show_progress=False,
                                  **trainer_options)
    tokenizer.train_from_iterator(varied(900, seed=3) + HAND_PICKED + [" ".join(WORDS)] * 8,
                                  trainer)
    if post:
        tokenizer.post_processor = post(tokenizer)
    return tokenizer


def byte_level(vocab=560, model=None, use_regex=True, add_prefix_space=False, before=(), **rest):
    last = pre.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)
    return trained(model or models.BPE(),
                   {"vocab_size": vocab, "initial_alphabet": GPT2_ALPHABET},
                   pre_tokenizer=pre.Sequence([*before, last]) if before else last,
                   decoder=decoders.ByteLevel(), **rest)


def with_bytes(fuse_unk, **rest):
    """A vocabulary with <0x00>..<0xFF>, as SentencePiece makes them."""
    specials = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]
    tokenizer = trained(models.BPE(unk_token="<unk>", fuse_unk=fuse_unk, byte_fallback=True),
                        {"vocab_size": 620, "limit_alphabet": 90}, specials=specials, **rest)
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = made["added_tokens"][:3]
    return Tokenizer.from_str(json.dumps(made))


def split(pattern, behavior="isolated", invert=False):
    return pre.Split(Regex(pattern) if isinstance(pattern, str) else pattern[0], behavior, invert)


def bos_eos(tokenizer):
    return processors.TemplateProcessing(
        single="<|im_start|> $A <|im_end|>",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<|im_start|>", "<|im_end|>")])


def bos(tokenizer):
    return processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])])


def llama_normalizer():
    return normalizers.Sequence([normalizers.Prepend("\u2581"),
                                 normalizers.Replace(" ", "\u2581")])


def llama_decoder():
    return decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                              decoders.Fuse(), decoders.Strip(" ", 1, 0)])


def with_added(tokenizer):
    tokenizer.add_tokens([
        AddedToken("<left>", lstrip=True), AddedToken("<right>", rstrip=True),
        AddedToken("<both>", lstrip=True, rstrip=True), AddedToken("whole", single_word=True),
        AddedToken("Norm\u00e9", normalized=True), AddedToken("N", normalized=False),
        AddedToken("<righter>", rstrip=True, normalized=True), AddedToken("  "),
        AddedToken("<ri", normalized=False), AddedToken("\u00e9t\u00e9", single_word=True)])
    tokenizer.add_special_tokens([AddedToken("<sp>", lstrip=True), AddedToken("<|end|>", rstrip=True)])
    return tokenizer


def configurations():
    no_unk = {"vocab_size": 420, "limit_alphabet": 110}
    yield "byte_level", byte_level(post=lambda t: processors.ByteLevel(trim_offsets=False))
    yield "prefix_space", byte_level(add_prefix_space=True, normalizer=normalizers.NFC(), post=bos_eos)
    yield "llama3", byte_level(use_regex=False, before=[split(LLAMA3)], post=bos_eos,
                               model=models.BPE(ignore_merges=True))
    yield "qwen2", byte_level(use_regex=False, before=[split(QWEN2)], normalizer=normalizers.NFC())
    yield "gpt4o", byte_level(use_regex=False, before=[split(GPT4O)], normalizer=normalizers.NFKC())
    yield "classes", byte_level(use_regex=False, before=[split(CLASSES)])
    yield "digits", byte_level(before=[pre.Digits(True)])
    yield "punctuation", byte_level(before=[pre.Punctuation("contiguous"), pre.Digits(False)])
    yield "behaviors", byte_level(use_regex=False, before=[
        split([" "], "merged_with_previous"), split(r"[aeiou]", "merged_with_next"),
        split(r"\d", "contiguous"), split(r"[.,]", "removed"),
        split(r"[^z]+", "removed", invert=True), pre.Punctuation("merged_with_next"),
        split([".\\n"], "isolated"), split(r"(?=[A-Z])", "isolated")])
    yield "added", with_added(byte_level(normalizer=normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase()])))
    yield "byte_normalizer", trained(
        models.BPE(), {"vocab_size": 500, "initial_alphabet": GPT2_ALPHABET},
        normalizer=normalizers.ByteLevel(), decoder=decoders.ByteLevel())
    yield "llama", with_bytes(True, normalizer=llama_normalizer(), decoder=llama_decoder(), post=bos)
    yield "metaspace_always", with_bytes(True, pre_tokenizer=pre.Metaspace(), decoder=decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace()]))
    yield "metaspace_first", with_bytes(False, pre_tokenizer=pre.Metaspace(
        prepend_scheme="first", split=False), decoder=llama_decoder(),
        normalizer=normalizers.Strip())
    yield "metaspace_never", trained(
        models.BPE(unk_token="<unk>"), no_unk, pre_tokenizer=pre.Metaspace(prepend_scheme="never"),
        decoder=decoders.Metaspace(prepend_scheme="never"), specials=["<unk>", "<s>"])
    yield "words", trained(
        models.BPE(unk_token="<unk>", fuse_unk=True), no_unk, pre_tokenizer=pre.Whitespace(),
        normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(),
                                         normalizers.Lowercase()]), specials=["<unk>"])
    yield "word_edges", trained(
        models.BPE(unk_token="<unk>", continuing_subword_prefix="##", end_of_word_suffix="</w>"),
        {**no_unk, "continuing_subword_prefix": "##", "end_of_word_suffix": "</w>"},
        pre_tokenizer=pre.WhitespaceSplit(), decoder=decoders.BPEDecoder(), specials=["<unk>"],
        normalizer=normalizers.Sequence([normalizers.NFKD(), normalizers.Strip(left=False)]))
    yield "delimiter", trained(
        models.BPE(), no_unk, pre_tokenizer=pre.Sequence([pre.CharDelimiterSplit("e"), pre.Punctuation()]),
        normalizer=normalizers.Replace(Regex(r"\s+"), "_"), decoder=decoders.Sequence(
            [decoders.Replace(Regex("[_-]+"), " "), decoders.Fuse()]), specials=[])


def golden(tokenizer, name):
    """For every text eight digits of the SHA-256 of its ids and decoded texts."""
    added = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
    extra = with_tokens(added) if added else []
    digests = []
    for i, text in enumerate(texts([]) + extra):
        ids = tokenizer.encode(text, add_special_tokens=i % 2 == 0).ids
        parts = [",".join(map(str, ids)), tokenizer.decode(ids, skip_special_tokens=True),
                 tokenizer.decode(ids, skip_special_tokens=False)]
        digests.append(hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:8])
    with (OUT / (name + ".golden.json")).open("w") as file:
        json.dump({"extra_texts": extra, "digests": "".join(digests)}, file, ensure_ascii=False,
                  indent=0)
        file.write("\n")


def read_vectors(path):
    inputs = pathlib.Path(str(path) + ".inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    outputs = pathlib.Path(str(path) + ".out").read_text().split("\n")
    return inputs, [[int(x) for x in line.split()] for line in outputs[:len(inputs)]]


def reduce_vocabulary(name, folder):
    """Keeps the tokens that can come up in the vectors' texts, however these are split, and the
    merges between them: on these texts the result is that of the whole vocabulary."""
    path = folder / ("ggml-vocab-%s.gguf" % name)
    inputs, outputs = read_vectors(path)
    reader = gguf.GGUFReader(path)

    def get(key):
        field = reader.fields.get("tokenizer.ggml." + key)
        return field.contents() if field else None

    tokens, types, merges, scores = get("tokens"), get("token_type"), get("merges"), get("scores")
    if merges:
        byte_map = bytes_to_unicode()
        forms = [f for s in inputs for f in (s, unicodedata.normalize("NFC", s))]
        mapped = "\n".join("".join(byte_map[b] for b in s.encode()) for s in forms)
    else:
        mapped = "\n".join("\u2581" + s.replace(" ", "\u2581") for s in inputs)
    given = "\n".join(inputs)
    ids = {get(k + "_token_id") for k in ("bos", "eos", "padding", "unknown")} - {None}
    kept = [i for i, t in enumerate(tokens)
            if i in ids or types[i] == 6 or (types[i] == 1 and t in mapped)
            or (types[i] == 3 and i < 3) or (types[i] == 4 and t in given)]
    new_id = {old: new for new, old in enumerate(kept)}
    names = {tokens[i] for i in kept}
    writer = gguf.GGUFWriter(OUT / (name + ".gguf"), "llama")
    if name == "phi-3":
        writer.add_name("Phi-3 vocabulary")
    writer.add_tokenizer_model(get("model"))
    writer.add_tokenizer_pre(get("pre"))
    writer.add_token_list([tokens[i] for i in kept])
    writer.add_token_types([types[i] for i in kept])
    if scores:
        writer.add_token_scores([scores[i] for i in kept])
    if merges:
        def fits(merge):
            at = merge.index(" ", 1)
            left, right = merge[:at], merge[at + 1:]
            return left in names and right in names and left + right in names
        writer.add_token_merges([m for m in merges if fits(m)])
    for key, add in (("bos", writer.add_bos_token_id), ("eos", writer.add_eos_token_id),
                     ("padding", writer.add_pad_token_id), ("unknown", writer.add_unk_token_id)):
        if get(key + "_token_id") is not None:
            add(new_id[get(key + "_token_id")])
    if get("add_bos_token") is not None:
        writer.add_add_bos_token(get("add_bos_token"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return inputs, [[new_id[i] for i in line] for line in outputs]


def bytes_to_unicode():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {b: chr(b) for b in printable}
    rest = [b for b in range(256) if b not in table]
    table.update((b, chr(0x100 + i)) for i, b in enumerate(rest))
    return table


def smollm2(path):
    from transformers import AutoTokenizer
    path = pathlib.Path(path)
    tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name).backend_tokenizer
    # transformers does not read tokenizer.ggml.pre = "smollm", which says that
    # digits stand alone, as in the model's own tokenizer.json.
    tokenizer.pre_tokenizer = pre.Sequence(
        [pre.Digits(True), pre.ByteLevel(add_prefix_space=False)])
    golden(tokenizer, "smollm2")


def reduced_vocabularies(folder):
    vectors = {}
    for name in FAMILIES:
        inputs, outputs = reduce_vocabulary(name, folder)
        vectors["texts"] = inputs
        vectors[name] = outputs
    (OUT / "llama_cpp_vectors.json").write_text(json.dumps(vectors, ensure_ascii=False) + "\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    with (OUT / "texts.json").open("w") as file:
        json.dump(texts([]), file, ensure_ascii=False, indent=0)
        file.write("\n")
    for name, tokenizer in configurations():
        folder = OUT / name
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_text(
            json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False) + "\n")
        golden(tokenizer, name)
    reduced_vocabularies(pathlib.Path(sys.argv[1]))
    if len(sys.argv) > 2:
        smollm2(sys.argv[2])


if __name__ == "__main__":
    main()
