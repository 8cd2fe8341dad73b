"""Writes the tables that make Debian 12's PCRE2 and utf8proc classify and map
code points the way Hugging Face tokenizers does; each of its parts carries the
tables of another Unicode version.

core/text/unicode_newer.inc: code points that its regular expressions know
(Unicode 17) and PCRE2 10.42 (Unicode 14) does not, with their categories.
core/text/unicode_differences.inc: what its normalizers and pre-tokenizers do
otherwise than utf8proc 2.8 (Unicode 15).

    python tools/golden/tokenizer_unicode.py  # tokenizers 0.23.3, libpcre2-32,
                                              # libutf8proc.so.2
"""
import ctypes
import pathlib
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk "
              "So").split()
UTF8PROC = ctypes.CDLL("libutf8proc.so.2")
UTF8PROC.utf8proc_category_string.restype = ctypes.c_char_p
UTF8PROC.utf8proc_map.restype = ctypes.c_ssize_t
LIBC = ctypes.CDLL(None)
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def in_tokenizers(item):
    split = pre_tokenizers.Split(Regex(item), "removed", invert=True)
    found = set()
    for i in range(0, len(CODE_POINTS), 4096):
        text = "".join(map(chr, CODE_POINTS[i:i + 4096]))
        for piece, _ in split.pre_tokenize_str(text):
            found.update(map(ord, piece))
    return found


def in_pcre2(item):
    lib = ctypes.CDLL("libpcre2-32.so.0")
    lib.pcre2_compile_32.restype = ctypes.c_void_p
    lib.pcre2_match_data_create_32.restype = ctypes.c_void_p
    pattern = (ctypes.c_uint32 * (len(item) + 1))(*map(ord, item), 0)
    error, offset = ctypes.c_int(), ctypes.c_size_t()
    utf_and_ucp = 0x00080000 | 0x00020000
    code = ctypes.c_void_p(lib.pcre2_compile_32(
        pattern, ctypes.c_size_t(len(item)), utf_and_ucp, ctypes.byref(error),
        ctypes.byref(offset), None))
    assert code.value, error.value
    data = ctypes.c_void_p(lib.pcre2_match_data_create_32(1, None))
    one, zero = ctypes.c_size_t(1), ctypes.c_size_t(0)
    subject = (ctypes.c_uint32 * 1)()
    found = set()
    for c in CODE_POINTS:
        subject[0] = c
        if lib.pcre2_match_32(code, subject, one, zero, 0, data, None) >= 0:
            found.add(c)
    return found


def ranges(code_points):
    out = []
    for c in sorted(code_points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def newer_rows():
    rows = []
    for name in CATEGORIES:
        item = "\\p{%s}" % name
        rows += [(a, b, name) for a, b in
                 ranges(in_tokenizers(item) - in_pcre2(item))]
    rows += [(a, b, "Han") for a, b in
             ranges(in_tokenizers("\\p{Han}") - in_pcre2("\\p{sc:Han}"))]
    return sorted(rows)


def categories(newer):
    """Two-letter categories as core/text sees them: utf8proc, then newer."""
    found = {c: UTF8PROC.utf8proc_category_string(c).decode() for c in CODE_POINTS}
    for a, b, name in newer:
        if name != "Han":
            found.update((c, name) for c in range(a, b + 1))
    return found


def mapped(options, text):
    out = ctypes.c_void_p()
    data = text.encode()
    size = UTF8PROC.utf8proc_map(data, ctypes.c_ssize_t(len(data)),
                                 ctypes.byref(out), options)
    result = ctypes.string_at(out, size).decode()
    LIBC.free(out)
    return result


def pieces_with(pre_tokenizer):
    return {c for c in CODE_POINTS
            if len(pre_tokenizer.pre_tokenize_str("a" + chr(c))) == 2}


def difference_rows(newer):
    category = categories(newer)
    stable, compat, compose, decompose = 2, 4, 8, 16
    # Code points that its normalizers leave alone: no decomposition, no
    # combining class, no part in a composition.
    inert = set()
    assigned = [c for c in CODE_POINTS
                if c > 0x7F and category[c] not in ("Cn", "Co")]
    for form, options in (("NFKC", compose | compat), ("NFD", decompose),
                          ("NFKD", decompose | compat), ("NFC", compose)):
        normalize = getattr(normalizers, form)()
        inert |= {c for c in assigned if normalize.normalize_str(chr(c)) !=
                  mapped(stable | options, chr(c))}
    inert |= {ord(d) for c in set(inert)
              for d in unicodedata.normalize("NFD", chr(c)) if ord(d) > 0x10FFF}
    nfc = normalizers.NFC()
    for c in CODE_POINTS:
        if category[c] in ("Mn", "Mc", "Me"):
            # A mark of a known class moves behind or before one of the two.
            texts = ["a" + chr(c) + "\u0334", "a\u0345" + chr(c)]
            if any(mapped(stable | compose, text) != nfc.normalize_str(text)
                   for text in texts):
                inert.add(c)
    rows = [(a, b, "inert") for a, b in ranges(inert)]

    def both_ways(name, theirs, ours):
        return ([(a, b, "in " + name) for a, b in ranges(theirs - ours)] +
                [(a, b, "not in " + name) for a, b in ranges(ours - theirs)])

    ascii_punctuation = {c for c in range(0x21, 0x7F) if not chr(c).isalnum()}
    rows += both_ways(
        "punctuation", pieces_with(pre_tokenizers.Punctuation()),
        {c for c in CODE_POINTS if category[c][0] == "P"} | ascii_punctuation)
    rows += both_ways(
        "number", pieces_with(pre_tokenizers.Digits(False)),
        {c for c in CODE_POINTS if category[c] in ("Nd", "Nl", "No")})
    strip = normalizers.StripAccents()
    rows += both_ways(
        "mark", {c for c in CODE_POINTS if strip.normalize_str(chr(c)) == ""},
        {c for c in CODE_POINTS if category[c][0] == "M"})
    return rows


def lowercase_rows():
    lower = normalizers.Lowercase()
    rows = []
    for c in CODE_POINTS:
        theirs = lower.normalize_str(chr(c))
        if len(theirs) == 1 and ord(theirs) != UTF8PROC.utf8proc_tolower(c):
            move = ord(theirs) - c
            if rows and rows[-1][1] == c - 1 and rows[-1][2] == move:
                rows[-1][1] = c
            else:
                rows.append([c, c, move])
    return rows


def write(name, rows, form):
    out = pathlib.Path(__file__).parents[2] / "core/text" / name
    with out.open("w") as file:
        file.write("// Written by tools/golden/tokenizer_unicode.py.\n")
        for row in rows:
            file.write(form % tuple(row))


def main():
    newer = newer_rows()
    write("unicode_newer.inc", newer, '{0x%X, 0x%X, "%s"},\n')
    write("unicode_differences.inc", difference_rows(newer),
          '{0x%X, 0x%X, "%s"},\n')
    write("unicode_lowercase.inc", lowercase_rows(), "{0x%X, 0x%X, %d},\n")


main()
