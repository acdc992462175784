# SPDX-License-Identifier: Apache-2.0
"""safetensors files: by the reference (written/), by hand (accept/), and invalid ones (refuse/).

verdicts.json holds what the reference says about each. Duplicate tensor names it accepts; peftkit
refuses: the format forbids them, the reference lets the last one win.
"""

import json
import random
from pathlib import Path

from safetensors_reference import WRITABLE, Tensor, byte_count, frame, verdict, write

FOLDERS = ["safetensors"]
REFUSED_BY_US = {
    "duplicate-tensor-name",
    "duplicate-tensor-name-escaped",
    "duplicate-tensor-name-first-unusable",
    "duplicate-tensor-name-same-info",
}


def random_tensor(dtype, shape, rng):
    data = rng.randbytes(byte_count(dtype, shape))
    return Tensor(dtype, shape, bytes(byte & 1 for byte in data) if dtype == "BOOL" else data)


def written(rng):
    """Files as the reference writes them."""
    one = {"x": random_tensor("F32", [2, 3], rng)}
    names = [
        "é",
        "e\u0301",
        "модель.вес",
        "\U0001f600",
        "\uffee",
        "a b",
        "",
        "tab\there",
        'quote"d',
        "back\\slash",
        "\x7f",
        "\u2028",
        "nul\0",
        "new\nline",
        "a/b",
        "\x01",
    ]
    return {
        "every-dtype": write(
            {f"t.{dtype}": random_tensor(dtype, [2, 4], rng) for dtype in WRITABLE}
        ),
        **{f"dtype-{dtype}": write({"x": random_tensor(dtype, [3, 2], rng)}) for dtype in WRITABLE},
        "no-tensors": write({}),
        "no-tensors-metadata": write({}, {"format": "pt"}),
        "zero-dimensional": write(
            {"scalar": random_tensor("F32", [], rng), "x": random_tensor("I64", [], rng)}
        ),
        "empty-tensors": write(
            {
                name: random_tensor("F32", shape, rng)
                for name, shape in {"a": [0], "b": [0, 3], "c": [3, 0, 2], "d": [2]}.items()
            }
        ),
        "only-empty-tensor": write({"a": random_tensor("F64", [0], rng)}),
        "many-dimensions": write({"x": random_tensor("U8", [1, 2] * 8, rng)}),
        "names": write({name: random_tensor("U8", [3], rng) for name in names}),
        "metadata-one-key": write(one, {"format": "pt"}),
        "metadata-empty": write(one, {}),
        "metadata-unicode": write(one, {'é\n"😀\x01': "значение\\\t\u2028\x7f"}),
        "no-metadata": write(one),
        "order": write(
            {
                name: random_tensor(dtype, [2], rng)
                for name, dtype in [
                    ("a", "BOOL"),
                    ("b", "U8"),
                    ("z", "F64"),
                    ("y", "F64"),
                    ("Z", "F16"),
                    ("é", "F16"),
                    ("c", "I64"),
                    ("h.10", "F32"),
                    ("h.2", "F32"),
                ]
            }
        ),
        "long-name": write({"n" * 3000: random_tensor("U8", [1], rng)}),
        "many-tensors": write(
            {f"layer.{number}": random_tensor("F16", [2], rng) for number in range(200)}
        ),
    }


def info(dtype="U8", shape="[4]", offsets="[0,4]", extra=""):
    return f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}{extra}}}'


X = f'{{"x":{info()}}}'
DATA = b"\x01\x02\x03\x04"


def one(text, data=DATA):
    """A file whose one tensor's info is this text."""
    return frame(f'{{"x":{text}}}', data)


def two(a, b, data=DATA):
    return frame(f'{{"a":{a},"b":{b}}}', data)


# Odd, valid: no writer makes these.
ACCEPT = {
    "header-unpadded": frame(X, DATA),
    "header-leading-space": frame("  " + X, DATA),
    "header-leading-newline": frame("\n\t\r " + X, DATA),
    "header-trailing-newline": frame(X + "\n\r\t ", DATA),
    "header-spaced": frame(X.replace(":", " : ").replace(",", "\n,\t"), DATA),
    "header-empty-object": frame("{}"),
    "header-metadata-null": frame('{"__metadata__":null,' + X[1:], DATA),
    "header-metadata-only": frame('{"__metadata__":{}}'),
    "header-metadata-last": frame(X[:-1] + ',"__metadata__":{"a":"b"}}', DATA),
    "metadata-duplicate-key": frame('{"__metadata__":{"a":"1","a":"2"},' + X[1:], DATA),
    "metadata-key-escaped": frame(r'{"__meta\u0064ata__":{"a":"b"},' + X[1:], DATA),
    "info-as-array": one('["U8",[4],[0,4]]'),
    "fields-reordered": one('{"data_offsets":[0,4],"shape":[4],"dtype":"U8"}'),
    "field-unknown": one(info(extra=',"unknown":1')),
    "field-unknown-nested": one(info(extra=',"unknown":{"a":[1,{"b":null}],"c":-1.5e-3}')),
    "field-unknown-twice": one(info(extra=',"u":1,"u":2')),
    "field-unknown-string-escapes": one(info(extra=r',"u":"\ud83d\ude00\u0000"')),
    "field-unknown-float": one(info(extra=',"u":1e308')),
    "field-unknown-nested-120": one(info(extra=',"u":' + "[" * 120 + "]" * 120)),
    "field-name-escaped": one(info().replace("dtype", r"\u0064type")),
    "name-escaped": frame(X.replace('"x"', r'"\u0065\u0301\/\n\ud83d\ude00"'), DATA),
    "name-nul": frame(X.replace('"x"', r'"a\u0000b"'), DATA),
    "name-raw-del": frame(X.replace('"x"', '"\x7f"'), DATA),
    "dtype-as-map": one(info().replace('"U8"', '{"U8":null}')),
    "info-as-array-spaced": one(' [ "U8" , [ 4 ] ,\n[ 0 , 4 ] ] '),
    "info-as-array-dtype-as-map": one('[{"U8":null},[4],[0,4]]'),
    "field-unknown-nested-125": one(info(extra=',"u":' + "[" * 125 + "]" * 125)),
    "field-unknown-objects-125": one(info(extra=',"u":' + '{"a":' * 125 + "1" + "}" * 125)),
    "field-unknown-zero-exponent": one(
        info(extra=',"u":[0e999,-0,1e-999,-0.0E+99999999999999999999]')
    ),
    "field-unknown-long-integer": one(info(extra=',"u":1' + "0" * 308)),
    "field-unknown-duplicate-keys": one(info(extra=',"u":{"a":1,"a":2}')),
    "field-unknown-largest-double": one(info(extra=',"u":1.7976931348623157e308')),
    "field-number-name": one(info(extra=',"0":"U8"')),
    "metadata-nul": frame(r'{"__metadata__":{"\u0000":"\u0000"},' + X[1:], DATA),
    "empty-first": two(info(), info(shape="[0]", offsets="[0,0]")),
    "empty-last": two(info(shape="[0]", offsets="[4,4]"), info()),
    "empty-huge-extents": frame(
        f'{{"x":{info(shape="[0,18446744073709551615,18446744073709551615]", offsets="[0,0]")}}}'
    ),
    "empty-bits-beyond-64": frame(f'{{"x":{info("F64", "[18446744073709551615,0]", "[0,0]")}}}'),
    "f4-empty": frame(f'{{"x":{info("F4", "[3,0]", "[0,0]")}}}'),
    "dimensions-300": one(info(shape="[" + "1," * 300 + "4]")),
    "dtype-escaped": one(info(dtype=r"\u00558")),
    "unsorted": two(info(shape="[1]", offsets="[3,4]"), info(shape="[3]", offsets="[0,3]")),
    "wrong-dtype-order": two(info(shape="[2]", offsets="[0,2]"), info("U16", "[1]", "[2,4]")),
    "unaligned": two(info(shape="[1]", offsets="[0,1]"), info("U16", "[1]", "[1,3]"), DATA[:3]),
    "scalar": one(info("F32", "[]")),
    "empty-between": frame(
        f'{{"a":{info(shape="[2]", offsets="[0,2]")},"b":{info(shape="[0]", offsets="[2,2]")},'
        f'"c":{info(shape="[2]", offsets="[2,4]")}}}',
        DATA,
    ),
    "empty-huge-extent": frame(
        f'{{"x":{info(shape="[0,18446744073709551615]", offsets="[0,0]")}}}'
    ),
    "f4-two": one(info("F4", "[2]", "[0,1]"), DATA[:1]),
    "f4-odd-rows": one(info("F4", "[1,3,2]", "[0,3]"), DATA[:3]),
    "f6-e2m3": one(info("F6_E2M3", "[4]", "[0,3]"), DATA[:3]),
    "f6-e3m2": one(info("F6_E3M2", "[2,2]", "[0,3]"), DATA[:3]),
    "bool-other-values": one(info("BOOL")),
    "shape-ones": one(info(shape="[1,1,4,1]")),
}

REFUSE = {
    "empty-file": b"",
    "seven-bytes": b"\x02\0\0\0\0\0\0",
    "only-length": frame("", length=2),
    "header-length-zero": frame(""),
    "header-length-huge": frame(X, DATA, length=2**64 - 1),
    "header-length-sign-bit": frame(X, DATA, length=2**63),
    "header-length-over-limit": frame(X, DATA, length=100_000_001),
    "header-length-beyond-file": frame(X, DATA, length=len(X) + 5),
    "header-length-one-short": frame(X, DATA, length=len(X) - 1),
    "header-length-one-long": frame(X, DATA, length=len(X) + 1),
    "header-bom": frame("\ufeff" + X, DATA),
    "header-array": frame("[]"),
    "header-string": frame('"x"'),
    "header-number": frame("1"),
    "header-null": frame("null"),
    "header-spaces": frame("        "),
    "header-truncated": frame(X[:-1], DATA),
    "header-trailing-text": frame(X + " x", DATA),
    "header-trailing-nul": frame(X + "\0\0", DATA),
    "header-leading-nul": frame("\0" + X, DATA),
    "header-trailing-comma": frame(X[:-1] + ",}", DATA),
    "header-single-quotes": frame(X.replace('"', "'"), DATA),
    "header-comment": frame(X + "//", DATA),
    "header-invalid-utf8": frame(X.encode().replace(b"x", b"\xff"), DATA),
    "header-overlong-utf8": frame(X.encode().replace(b"x", b"\xc0\x80"), DATA),
    "header-surrogate-utf8": frame(X.encode().replace(b"x", b"\xed\xa0\x80"), DATA),
    "header-raw-newline-in-name": frame(X.replace("x", "a\nb"), DATA),
    "header-form-feed": frame("\f" + X, DATA),
    "name-lone-surrogate": frame(X.replace('"x"', r'"\ud800"'), DATA),
    "name-low-surrogate": frame(X.replace('"x"', r'"\udc00"'), DATA),
    "name-surrogates-reversed": frame(X.replace('"x"', r'"\ude00\ud83d"'), DATA),
    "name-bad-escape": frame(X.replace('"x"', r'"\x41"'), DATA),
    "name-short-escape": frame(X.replace('"x"', r'"\u12"'), DATA),
    "metadata-not-object": frame('{"__metadata__":1,' + X[1:], DATA),
    "metadata-array": frame('{"__metadata__":[],' + X[1:], DATA),
    "metadata-number-value": frame('{"__metadata__":{"a":1},' + X[1:], DATA),
    "metadata-null-value": frame('{"__metadata__":{"a":null},' + X[1:], DATA),
    "metadata-nested-value": frame('{"__metadata__":{"a":{}},' + X[1:], DATA),
    "metadata-twice": frame('{"__metadata__":{"a":"b"},"__metadata__":{"a":"b"},' + X[1:], DATA),
    "metadata-lone-surrogate": frame(r'{"__metadata__":{"a":"\ud800"},' + X[1:], DATA),
    "data-missing": frame(X),
    "data-truncated": frame(X, DATA[:-1]),
    "data-extended": frame(X, DATA + b"\0"),
    "no-tensors-data": frame("{}", DATA),
    "dtype-unknown": one(info("F128")),
    "dtype-lowercase": one(info("u8")),
    "dtype-empty": one(info("")),
    "dtype-number": one('{"dtype":8,"shape":[4],"data_offsets":[0,4]}'),
    "dtype-as-map-value": one(info().replace('"U8"', '{"U8":{}}')),
    "dtype-as-map-twice": one(info().replace('"U8"', '{"U8":null,"U8":null}')),
    "dtype-as-array": one(info().replace('"U8"', '["U8"]')),
    "shape-negative-zero": one(info(shape="[-0]", offsets="[0,0]"), b""),
    "shape-overflow-before-zero": one(
        info(shape="[18446744073709551615,18446744073709551615,0]", offsets="[0,0]"), b""
    ),
    "offsets-negative-zero": one(info(offsets="[-0,4]")),
    "empty-inside-another": two(info(shape="[0]", offsets="[2,2]"), info()),
    "empty-beyond-data": two(info(shape="[0]", offsets="[5,5]"), info()),
    "f4-scalar": one(info("F4", "[]", "[0,1]"), DATA[:1]),
    "metadata-null-twice": frame('{"__metadata__":null,"__metadata__":null,' + X[1:], DATA),
    "metadata-is-info": frame(f'{{"__metadata__":{info()}}}', DATA),
    "info-empty-object": one("{}", b""),
    "info-array-empty": one("[]", b""),
    "field-unknown-nested-126": one(info(extra=',"u":' + "[" * 126 + "]" * 126)),
    "field-unknown-objects-126": one(info(extra=',"u":' + '{"a":' * 126 + "1" + "}" * 126)),
    "field-unknown-integer-overflow": one(info(extra=',"u":1' + "0" * 309)),
    "field-unknown-just-over-largest": one(info(extra=',"u":1.7976931348623159e308')),
    "field-unknown-bad-escape": one(info(extra=r',"u":"\x41"')),
    "field-unknown-string-lone-surrogate": one(info(extra=r',"u":"\ud800"')),
    "duplicate-tensor-name-first-unusable": frame(
        f'{{"x":{info(shape="[9]", offsets="[0,1]")},"x":{info()}}}', DATA
    ),
    "dtype-missing": one('{"shape":[4],"data_offsets":[0,4]}'),
    "dtype-null": one('{"dtype":null,"shape":[4],"data_offsets":[0,4]}'),
    "dtype-torch-spelling": one(info("uint8")),
    "shape-missing": one('{"dtype":"U8","data_offsets":[0,4]}'),
    "shape-null": one(info(shape="null")),
    "shape-number": one(info(shape="4")),
    "shape-negative": one(info(shape="[-4]")),
    "shape-float": one(info(shape="[4.0]")),
    "shape-exponent": one(info(shape="[4e0]")),
    "shape-string": one(info(shape='["4"]')),
    "shape-nested": one(info(shape="[[4]]")),
    "shape-leading-zero": one(info(shape="[04]")),
    "shape-beyond-64-bit": one(info(shape="[18446744073709551616]")),
    "shape-overflow": one(info(shape="[4294967296,4294967296]")),
    "shape-overflow-wraps-to-four": one(info("U8", "[9223372036854775810,2]")),
    "shape-bits-overflow": one(info("F64", "[2305843009213693952]", "[0,0]"), b""),
    "shape-too-small": one(info(shape="[3]")),
    "shape-too-big": one(info(shape="[5]")),
    "offsets-missing": one('{"dtype":"U8","shape":[4]}'),
    "offsets-null": one(info(offsets="null")),
    "offsets-one": one(info(offsets="[4]")),
    "offsets-three": one(info(offsets="[0,4,8]")),
    "offsets-reversed": one(info(offsets="[4,0]")),
    "offsets-negative": one(info(offsets="[-4,0]")),
    "offsets-float": one(info(offsets="[0.0,4]")),
    "offsets-huge": one(info(offsets="[18446744073709551612,18446744073709551616]")),
    "offsets-near-limit": one(info(offsets="[18446744073709551611,18446744073709551615]")),
    "offsets-not-from-zero": one(info(offsets="[1,5]"), DATA + b"\0"),
    "offsets-as-object": one(info(offsets='{"0":0,"1":4}')),
    "hole": two(info(shape="[1]", offsets="[0,1]"), info(shape="[2]", offsets="[2,4]")),
    "overlap": two(info(shape="[3]", offsets="[0,3]"), info(shape="[2]", offsets="[2,4]")),
    "overlap-same": two(info(), info()),
    "info-null": one("null"),
    "info-string": one('"U8"'),
    "info-array-short": one('["U8",[4]]'),
    "info-array-long": one('["U8",[4],[0,4],1]'),
    "info-array-reordered": one('[[4],"U8",[0,4]]'),
    "field-dtype-twice": one(info(extra=',"dtype":"U8"')),
    "field-shape-twice": one(info(extra=',"shape":[4]')),
    "field-offsets-twice": one(info(extra=',"data_offsets":[0,4]')),
    "field-unknown-overflow": one(info(extra=',"u":1e999')),
    "field-unknown-nested-128": one(info(extra=',"u":' + "[" * 128 + "]" * 128)),
    "field-unknown-lone-surrogate": one(info(extra=r',"\ud800":1')),
    "field-unknown-nan": one(info(extra=',"u":NaN')),
    "f4-odd": one(info("F4", "[3]", "[0,2]"), DATA[:2]),
    "f6-not-whole-bytes": one(info("F6_E2M3", "[3]", "[0,2]"), DATA[:2]),
    "duplicate-tensor-name": frame(
        f'{{"x":{info(shape="[2]", offsets="[0,2]")},"x":{info()}}}', DATA
    ),
    "duplicate-tensor-name-escaped": frame(f'{{"x":{info()},"\\u0078":{info()}}}', DATA),
    "duplicate-tensor-name-same-info": frame(f'{{"x":{info()},"x":{info()}}}', DATA),
    "git-lfs-pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:"
    + b"0" * 64
    + b"\nsize 1234\n",
    "html": b"<!DOCTYPE html><html><head><title>404</title></head></html>",
    "json-alone": X.encode(),
    "zeros": bytes(64),
    "zip-magic": b"PK\x03\x04" + bytes(60),
}


def make_folder(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.safetensors").write_bytes(content)
    return {
        f"{folder.name}/{name}.safetensors": verdict(folder / f"{name}.safetensors")
        for name in files
    }


def check(name, answer):
    """A file in the wrong folder is a mistake in this script."""
    folder, file_name = name.split("/")
    taken = folder != "refuse" or Path(file_name).stem in REFUSED_BY_US
    assert answer["accepted"] == taken, (name, answer)


def make(root: Path):
    folder = root / "safetensors"
    verdicts = {}
    for name, files in {
        "written": written(random.Random(8)),
        "accept": ACCEPT,
        "refuse": REFUSE,
    }.items():
        verdicts |= make_folder(folder / name, files)
    problems = []
    for name, answer in verdicts.items():
        try:
            check(name, answer)
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)
    (folder / "verdicts.json").write_text(json.dumps(verdicts, indent=1, sort_keys=True) + "\n")
