"""Writes core/text/unicode_newer.inc: the code points that the regular
expressions of Hugging Face tokenizers (Oniguruma, Unicode 16 and later) know
and Debian 12's PCRE2 10.42 (Unicode 14) does not, with their categories.

    python tools/golden/tokenizer_unicode.py   # tokenizers 0.23.3, libpcre2-8
"""
import ctypes
import pathlib

from tokenizers import Regex, pre_tokenizers

CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk "
              "So").split()
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


def main():
    rows = []
    for name in CATEGORIES:
        item = "\\p{%s}" % name
        rows += [(a, b, name) for a, b in
                 ranges(in_tokenizers(item) - in_pcre2(item))]
    rows += [(a, b, "Han") for a, b in
             ranges(in_tokenizers("\\p{Han}") - in_pcre2("\\p{sc:Han}"))]
    out = pathlib.Path(__file__).parents[2] / "core/text/unicode_newer.inc"
    with out.open("w") as file:
        file.write("// Written by tools/golden/tokenizer_unicode.py.\n")
        for a, b, name in sorted(rows):
            file.write('{0x%X, 0x%X, "%s"},\n' % (a, b, name))


main()
