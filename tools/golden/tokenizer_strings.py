"""The texts on which tokenizers are compared: hand-picked ones, and varied ones
from a fixed seed. The same list in every place that asks for it."""
import random

HAND_PICKED = [
    "", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", "\t\n \t", "\x00",
    "\x00a\x00", "\x7f", "\x1b[31mred\x1b[0m", "a", "A", "é", "e\u0301",
    "Hello, world!", " Hello World", "Hello  World", "don't I'LL we've THEY'RE",
    "'s't're've'm'll'd 'S'T'RE'VE'M'LL'D", "it\u2019s", "'\u017f '\u212a",
    "3", "33", "333", "3333", "33333", "3.14159", "1,234,567.89", "1e-10",
    "0x1F 0b101 1_000", "\u0663\u0664\u0665 \u00bd \u2167 \u00b2 \u4e09",
    "x  1", "x   22", "\n    1. item", "a\t\t9", "  7", "\u3000\u3000\u0031",
    "for (int i = 0; i < n; ++i) {\n\tsum += a[i] * 2;\n}\n",
    "def f(x):\n    return {'a': x**2, \"b\": [1, 2]}\n\n\nprint(f(3))",
    "<html><body class=\"x\">&nbsp;</body></html>", "https://a.b/c?d=e&f=%20#g",
    "user@example.com", "C:\\Users\\me\\file.txt", "SELECT * FROM t WHERE a<>1;",
    "$a+b=c$ \\frac{1}{2} \\alpha", "snake_case camelCase PascalCase kebab-case",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u3053\u3093\u306b\u3061\u306f",
    "\u30ab\u30bf\u30ab\u30ca \uff76\uff80\uff76\uff85", "\uc548\ub155\ud558\uc138\uc694",
    "\u1112\u1161\u11ab\u1100\u1173\u11af", "\u041f\u0440\u0438\u0432\u0435\u0442",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
    "\u05e9\u05dc\u05d5\u05dd", "\u0928\u092e\u0938\u094d\u0924\u0947",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u1780\u17b6\u1793\u17cb",
    "\u0391\u03c3\u03c2 \u03a3", "\u0130stanbul \u0131", "Stra\u00dfe STRASSE",
    "\ufb01n \ufb03 \u2460 \u3392 \u00b5 \u2126 \u212b", "a\u0308\u0323 q\u0307\u0323",
    "\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2764\ufe0f 1\ufe0f\u20e3",
    "\U0001d573\U0001d574 \U00020000 \U000e0041", "\u200b\u200c\u200d\u2060\ufeff",
    "a\u00a0b\u2003c\u2028d\u2029e\u0085f\u180eg", "\ufffd", "\ue000\U0010fffd",
    "\u0378 \U0001fae9 \u1c89 \U00016d40", "....", "!!!???", "---", "___", "``` ''' \"\"\"",
    "( [ { < > } ] )", "\u201cquoted\u201d \u00abx\u00bb \u2026 \u2014 \u2013", "#$%&*+/=@^|~",
    "<0x0A>", "\u2581", "\u2581\u2581a\u2581", "\u0120a \u010a", "<s></s><unk>", "[INST] hi [/INST]",
    "a" * 300, " " * 100, "\n" * 50, "ab" * 200, "\u4e2d" * 120, "9" * 97, "!" * 80,
    "\U0001f600" * 30, "-" * 65 + "\n" + "=" * 65, "x" * 29 + " " + "y" * 31,
]

ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "accents": "".join(map(chr, range(0xC0, 0x180))),
    "greek_cyrillic": "".join(map(chr, [*range(0x391, 0x3CA), *range(0x410, 0x450)])),
    "digits": "0123456789",
    "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "cjk": "".join(map(chr, range(0x4E00, 0x4F00))) + "\u3002\uff0c\u3001\u300c\u300d",
    "kana_hangul": "".join(map(chr, [*range(0x3041, 0x3097), *range(0x30A1, 0x30FB),
                                     *range(0xAC00, 0xAC60)])),
    "arabic_hebrew": "".join(map(chr, [*range(0x5D0, 0x5EB), *range(0x621, 0x653)])),
    "indic_thai": "".join(map(chr, [*range(0x905, 0x94E), *range(0xE01, 0xE3B),
                                    *range(0xE40, 0xE4F)])),
    "marks": "".join(map(chr, range(0x300, 0x340))) + "aeiou",
    "emoji": "".join(map(chr, range(0x1F600, 0x1F640))) + "\u200d\ufe0f\U0001f3fb\u2764",
    "spaces": " \t\n\r\u00a0\u2003\u3000\u2028\x0b\x0c\u0085",
    "controls": "".join(map(chr, [*range(0, 32), *range(0x7F, 0xA0)])),
    "symbols": "\u20ac\u00a3\u2190\u2192\u221e\u2211\u2202\u25a0\u2605\u2713\u00a9\u00ae\u2122\u00b0",
}

WORDS = ("the of and to a in is you that it he was for on are as with his they at be this "
         "from have or by one had not but what all were when we there can an your which "
         "their said if do will each about how up out them then she many some so these "
         "would other into has more her two like him see time could no make than first "
         "been its who now people my made over did down only way find use may water long "
         "little very after words called just where most know through back much before "
         "tokenizer transformer gradient learning rate quantization attention checkpoint").split()

CODE = ["if", "else:", "return", "void", "std::vector<int>", "->", "=>", "==", "!=", "&&", "||",
        "()", "{}", "[]", "};", "//", "/*", "*/", "#include", "import", "self.", "lambda x:",
        "\n    ", "\n\t", "\n\n", "    ", "\"text\"", "'c'", "0xFF", "3.5f", "i++", "a_b", "%d\\n"]


def varied(count, seed=20260801):
    """`count` texts, each of one of eight kinds."""
    r = random.Random(seed)
    names = sorted(ALPHABETS)

    def run(name, low, high):
        return "".join(r.choice(ALPHABETS[name]) for _ in range(r.randint(low, high)))

    def sentence():
        words = [r.choice(WORDS) for _ in range(r.randint(3, 25))]
        words = [w.capitalize() if r.random() < 0.1 else w.upper() if r.random() < 0.05 else w
                 for w in words]
        return " ".join(words) + r.choice([".", "!", "?", "...", "", "\n", " "])

    def code():
        return r.choice(["", " "]).join(r.choice(CODE + WORDS) for _ in range(r.randint(3, 30)))

    def mixed():
        return "".join(run(r.choice(names), 1, 6) + r.choice(["", "", " ", "  ", "\n"])
                       for _ in range(r.randint(2, 14)))

    def numbers():
        return r.choice([" ", ", ", "  ", "\n", "-", "."]).join(
            run("digits", 1, 9) for _ in range(r.randint(1, 12)))

    def any_code_points():
        out = []
        while len(out) < 12:
            c = r.choice([r.randrange(0x800), r.randrange(0x10000), r.randrange(0x110000)])
            if not 0xD800 <= c <= 0xDFFF:
                out.append(chr(c))
        return "".join(out)

    def spaced():
        return "".join(run("spaces", 1, 5) + r.choice(WORDS + list("0123456789.,!"))
                       for _ in range(r.randint(2, 10)))

    def one_script():
        name = r.choice(names)
        return " ".join(run(name, 1, 12) for _ in range(r.randint(1, 8)))

    def long_word():
        return run(r.choice(["latin", "cjk", "accents", "kana_hangul"]), 26, 90)

    kinds = [sentence, code, mixed, numbers, any_code_points, spaced, one_script, long_word]
    return [kinds[i % len(kinds)]() for i in range(count)]


def with_tokens(tokens):
    """Every given token alone, inside words, and among spaces and others."""
    r = random.Random(7)
    out = []
    for i, token in enumerate(tokens):
        other = tokens[r.randrange(len(tokens))]
        out += [["before" + token + "after", " " + token + " x", token][i % 3],
                ["Hi %s\n%s there  %s" % (token, other, token), token[:-1] + " " + token,
                 token + token + other, "\n" + token + "\t" + other + " 12"][i % 4]]
    return out


def texts(tokens, count=2100):
    """What every tokenizer is compared on; at least 2,000 texts."""
    return HAND_PICKED + varied(count) + with_tokens(tokens)
