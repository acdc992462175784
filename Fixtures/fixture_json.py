# SPDX-License-Identifier: Apache-2.0
"""JSON texts with Python's own answer: accept/NAME.json + NAME.expected, refuse/NAME.json.

`expected` is json.dumps(json.load(file), indent=2, sort_keys=True). Refused is what Python's json
refuses, and what peftkit refuses by its own rule although Python takes it; json/verdicts.json says
which is which.
"""

import json
from pathlib import Path

FOLDERS = ["json"]
ASTRAL, PRIVATE = "\U0001f600", "\uffee"

ACCEPT = {
    "empty-object": "{}",
    "empty-array": "[]",
    "empty-containers-nested": '{"a": {}, "b": [], "c": [[], {}, [[]]], "d": {"e": {"f": []}}}',
    "top-level-string": '"text"',
    "top-level-number": "17",
    "top-level-float": "1.0e-5",
    "top-level-null": "null",
    "top-level-true": "true",
    "top-level-false": "false",
    "top-level-nan": "NaN",
    "top-level-array": "[1, 2, 3]",
    "literals": '{"a": true, "b": false, "c": null}',
    "integers": "[0, 1, -1, 127, 255, 65536, 2147483648, -2147483649, 9007199254740993]",
    "integers-64-bit": "[9223372036854775807, -9223372036854775808, 18446744073709551615]",
    "integers-beyond-64-bit": "[9223372036854775808, -9223372036854775809, 18446744073709551616,"
    " 340282366920938463463374607431768211456, -1" + "0" * 99 + "]",
    "integer-4300-digits": "[" + "9" * 4300 + "]",
    "negative-zero": "[-0, -0.0, -0e0, -0E5, 0e0, 0.0, -0.0e-10]",
    "float-spellings": "[1.0e-5, 1E-5, 1e5, 1E5, 1e+5, 1.50, 100.0, 1.0E+2, 0.00001, 0.0001,"
    " 10e-6, 1e0, 12e00]",
    "float-repr-limits": "[1e15, 1e16, 1e17, 123456789012345.0, 1234567890123456.0,"
    " 12345678901234567.0,"
    " 123456789012345680.0, 9999999999999998.0, 1e21, 1e22, 1e23, 0.0001, 0.00001, 0.00012345]",
    "float-shortest": "[0.1, 0.2, 0.30000000000000004, 2.675, 1.1, 5e-324, 2.2250738585072014e-308,"
    " 1.7976931348623157e308, 4.9406564584124654e-324, 0.1000000000000000055511151231257827,"
    " 9007199254740993.0, 2.2250738585072011e-308, 1e-323, 3.141592653589793]",
    "float-halfway": "[9007199254740992.5, 9007199254740993.5,"
    " 1.00000000000000011102230246251565404,"
    " 1.000000000000000111022302462515654042363166809082031250000000001, 2.4703282292062327e-324,"
    " 2.4703282292062328e-324]",
    "float-many-digits": "[0." + "3" * 400 + ", " + "7" * 300 + ".25, 1" + "0" * 30 + "e-30]",
    "float-overflow": "[1E400, -1E400, 1e309, 1.7976931348623159e308, -1e999999999]",
    "float-underflow": "[1e-400, -1e-400, 2e-324, 1e-999999999]",
    "not-finite": '{"a": NaN, "b": Infinity, "c": -Infinity}',
    "escapes": r'["\"", "\\", "\/", "\b\f\n\r\t", "\u0041", "\u00e9", "\u00E9", "\u20ac"]',
    "escaped-slash": r'{"a\/b": "c\/d"}',
    "nul-in-value": r'["a\u0000b", "\u0000"]',
    "control-escapes": r'["\u0001\u0008\u000b\u001f\u007f\u0080\u009f"]',
    "del-raw": '["\x7f", "\x80", "\x9f"]',
    "surrogate-pairs": r'["\ud83d\ude00", "\uD83D\uDE00", "\ud800\udc00", "\udbff\udfff"]',
    "astral-raw": f'["{ASTRAL}", "\U00010000", "\U0010ffff"]',
    "noncharacters": '["\ufffe", "\uffff", "\ufffd", "\ufeff"]',
    "line-separators": '["\u2028", "\u2029", "\u0085", "\u00a0"]',
    "keys-by-code-point": f'{{"{ASTRAL}": 1, "{PRIVATE}": 2, "z": 3, "é": 4, "": 5, "A": 6,'
    ' "a": 7, "_": 8}',
    "keys-escaped-order": r'{"\ud83d\ude00": 1, "\uffee": 2, "b": 3, "\u0061": 4}',
    "keys-canonically-equal": '{"é": 1, "e\u0301": 2}',
    "keys-hangul-canonically-equal": '{"\uac00": 1, "\u1100\u1161": 2, "\u212b": 3, "\u00c5": 4,'
    ' "A\u030a": 5}',
    "keys-prefixes": '{"aa": 1, "a": 2, "": 3, "ab": 4, "a ": 5, "a\u0301": 6}',
    "keys-like-numbers": '{"10": 1, "9": 2, "-1": 3, "1e1": 4}',
    "whitespace": ' \t\r\n{ \n"a"\t:\r1 \n,\n"b" : [ 1 , 2\t] }\r\n \n',
    "whitespace-none": '{"a":1,"b":[1,2,{"c":null}]}',
    "whitespace-crlf": '{\r\n  "a": 1,\r\n  "b": [\r\n    1\r\n  ]\r\n}\r\n',
    "nested-lists": "[[1, [2, [3, []]]], [[[]]], {}]",
    "nested-100": "[" * 100 + "1" + "]" * 100,
    "nested-objects-60": '{"a": ' * 60 + "0" + "}" * 60,
    "mixed": '{"r": 8, "alpha": 1e-05, "target_modules": ["q", "v"],'
    ' "rank_pattern": {"^h\\\\.\\\\d+": 4},'
    ' "nested": {"list": [{"x": [1, 2.5, null]}, []], "empty": {}}}',
    "long-string": '["' + "abcdefgh é " * 500 + '"]',
    "many-keys": "{" + ", ".join(f'"key{number}": {number}' for number in range(300, 0, -1)) + "}",
}

# Text, and why. Bytes where the text is not UTF-8.
REFUSED_BY_PYTHON = {
    "empty-file": ("", "no value"),
    "only-whitespace": (" \n\t", "no value"),
    "trailing-text": ('{"a": 1} x', "text after the value"),
    "two-values": ("{} {}", "text after the value"),
    "trailing-nul": ("{}\0", "text after the value"),
    "trailing-comma-array": ("[1, 2,]", "trailing comma"),
    "trailing-comma-object": ('{"a": 1,}', "trailing comma"),
    "only-comma": ("[,]", "no value"),
    "comment-line": ('{"a": 1} // why', "comment"),
    "comment-block": ('{/* why */"a": 1}', "comment"),
    "comment-hash": ("# why\n{}", "comment"),
    "single-quotes": ("{'a': 1}", "single quotes"),
    "unquoted-key": ("{a: 1}", "key without quotes"),
    "number-as-key": ("{1: 2}", "key is not a string"),
    "missing-colon": ('{"a" 1}', "no colon"),
    "missing-comma": ("[1 2]", "no comma"),
    "missing-value": ('{"a":}', "no value"),
    "truncated-object": ('{"a": 1', "ends early"),
    "truncated-array": ("[1, 2", "ends early"),
    "truncated-string": ('"abc', "ends early"),
    "truncated-escape": ('"abc\\', "ends early"),
    "truncated-literal": ("tru", "not a literal"),
    "truncated-key": ('{"a', "ends early"),
    "close-only": ("]", "no value"),
    "mismatched": ("[1}", "wrong bracket"),
    "number-plus": ("+1", "number form"),
    "number-minus-only": ("-", "number form"),
    "number-minus-space": ("- 1", "number form"),
    "number-double-minus": ("--1", "number form"),
    "number-leading-zero": ("01", "number form"),
    "number-leading-zero-negative": ("-01", "number form"),
    "number-no-fraction": ("1.", "number form"),
    "number-no-fraction-exponent": ("1.e5", "number form"),
    "number-no-integer": (".5", "number form"),
    "number-no-exponent": ("1e", "number form"),
    "number-no-exponent-sign": ("1e+", "number form"),
    "number-hex": ("0x10", "number form"),
    "number-underscore": ("1_000", "number form"),
    "number-suffix": ("1L", "number form"),
    "number-arabic-digits": ("١٢", "number form"),
    "nan-lowercase": ("nan", "not a literal"),
    "nan-negative": ("-NaN", "not a literal"),
    "infinity-short": ("inf", "not a literal"),
    "infinity-plus": ("+Infinity", "not a literal"),
    "infinity-truncated": ("Infinit", "not a literal"),
    "infinity-lowercase": ("-infinity", "not a literal"),
    "literal-capital": ("True", "not a literal"),
    "literal-none": ("None", "not a literal"),
    "literal-longer": ("nullx", "text after the value"),
    "undefined": ("undefined", "not a literal"),
    "raw-newline-in-string": ('"a\nb"', "control character"),
    "raw-tab-in-string": ('"a\tb"', "control character"),
    "raw-nul-in-string": ('"a\0b"', "control character"),
    "raw-unit-separator-in-string": ('"a\x1fb"', "control character"),
    "escape-unknown": (r'"\x41"', "unknown escape"),
    "escape-capital-u": (r'"\U0041"', "unknown escape"),
    "escape-single-quote": (r'"' + "\\'" + '"', "unknown escape"),
    "escape-short": (r'"\u12"', "short escape"),
    "escape-not-hex": (r'"\u00g0"', "short escape"),
    "escape-sign": (r'"\u+123"', "short escape"),
    "whitespace-form-feed": ("\f{}", "not JSON's whitespace"),
    "whitespace-vertical-tab": ("[1,\v2]", "not JSON's whitespace"),
    "whitespace-no-break": ("\u00a0{}", "not JSON's whitespace"),
    "bom": ("\ufeff{}", "byte order mark"),
    "nested-10000": ("[" * 10000 + "]" * 10000, "too deep"),
    "nested-objects-10000": ('{"a":' * 10000 + "1" + "}" * 10000, "too deep"),
    "open-brackets-100000": ("[" * 100000, "too deep"),
    "utf8-invalid-byte": (b'"\xff"', "not UTF-8"),
    "utf8-truncated": (b'"\xc3"', "not UTF-8"),
    "utf8-overlong": (b'"\xc0\x80"', "not UTF-8"),
    "utf8-overlong-slash": (b'"\xe0\x80\xaf"', "not UTF-8"),
    "utf8-surrogate": (b'"\xed\xa0\x80"', "not UTF-8"),
    "utf8-beyond-unicode": (b'"\xf4\x90\x80\x80"', "not UTF-8"),
    "utf8-lone-continuation": (b'"\x80"', "not UTF-8"),
    "utf8-invalid-in-key": (b'{"a\xe9": 1}', "not UTF-8"),
    "latin1": ('{"name": "é"}'.encode("latin-1"), "not UTF-8"),
    "utf16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    "gzip-magic": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "not UTF-8"),
    "html": ("<!DOCTYPE html><html></html>", "no value"),
}
REFUSED_BY_POLICY = {
    "duplicate-key": ('{"r": 1, "r": 2}', "a key twice"),
    "duplicate-key-same-value": ('{"r": 1, "a": 0, "r": 1}', "a key twice"),
    "duplicate-key-escaped": (r'{"a": 1, "\u0061": 2}', "a key twice"),
    "duplicate-key-nested": ('{"x": [{"a": 1, "b": 2, "a": 3}]}', "a key twice"),
    "duplicate-key-empty": ('{"": 1, "": 2}', "a key twice"),
    "duplicate-key-unicode": (r'{"é": 1, "\u00e9": 2}', "a key twice"),
    "nul-in-key": (r'{"a\u0000b": 1}', "NUL in a key"),
    "nul-only-key": (r'{"\u0000": 1}', "NUL in a key"),
    "lone-high-surrogate": (r'"\ud800"', "lone surrogate"),
    "lone-low-surrogate": (r'"\udc00"', "lone surrogate"),
    "surrogates-reversed": (r'"\ude00\ud83d"', "lone surrogate"),
    "high-surrogate-then-escape": (r'"\ud83d\n"', "lone surrogate"),
    "high-surrogate-then-letter": (r'"\ud83d\u0041"', "lone surrogate"),
    "high-surrogate-twice": (r'"\ud83d\ud83d\ude00"', "lone surrogate"),
    "high-surrogate-then-text": (r'"\ud83dabc"', "lone surrogate"),
    "lone-surrogate-in-key": (r'{"\ud800": 1}', "lone surrogate"),
}


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def python_error(path):
    """How Python's json refuses a file, or None where it takes it."""
    try:
        load(path)
    except (ValueError, RecursionError) as error:
        return type(error).__name__
    return None


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def expected(path):
    """What Python writes for what it reads, byte for byte."""
    return json.dumps(load(path), indent=2, sort_keys=True).encode()


def make_accepted(folder: Path):
    folder.mkdir(parents=True)
    for name, text in ACCEPT.items():
        path = folder / f"{name}.json"
        path.write_bytes(as_bytes(text))
        (folder / f"{name}.expected").write_bytes(expected(path))


def make_refused(folder: Path):
    folder.mkdir(parents=True)
    verdicts = {}
    for cases, by in [(REFUSED_BY_PYTHON, "python"), (REFUSED_BY_POLICY, "policy")]:
        for name, (text, why) in cases.items():
            path = folder / f"{name}.json"
            path.write_bytes(as_bytes(text))
            error = python_error(path)
            assert (error is not None) == (by == "python"), (name, error)
            verdicts[name] = {"refused_by": by, "why": why}
    (folder.parent / "verdicts.json").write_text(
        json.dumps(verdicts, indent=2, sort_keys=True) + "\n"
    )


def make(root: Path):
    make_accepted(root / "json" / "accept")
    make_refused(root / "json" / "refuse")
