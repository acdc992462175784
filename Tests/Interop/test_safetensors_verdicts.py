# SPDX-License-Identifier: Apache-2.0
"""`peftkit inspect` takes and refuses the same safetensors files as the reference library.

The one difference: names and metadata keys given twice, which the reference takes, are refused. For files that
both take, the tensors and the metadata must be the same.
"""

import copy
import json
from collections import Counter
from dataclasses import dataclass
from itertools import product

from support import FIXTURES, InteropTest, peftkit

MUTATIONS = 3000

NUMBERS = (
    '0 1 2 3 4 7 8 12 16 24 -1 -0 0.0 1.0 1e0 1E0 4.0 04 +4 0x4 4. .4 null true "4" [4] {} '
    "4294967296 9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 "
    "2305843009213693952 1e999 NaN"
).split()
IGNORED = [
    "1", "-1.5e-3", "1e308", "1e309", "1e999", "-1e999", "0e999", "1e-999", "-0", "1E+2", "01",
    "1.",
    "1" + "0" * 308, "1" + "0" * 309, "1.7976931348623157e308", "1.7976931348623159e308",
    "true", "null", "nul", "NaN", "Infinity", '"text"', r'"\u00e9\ud83d\ude00\u0000"', r'"\ud800"',
    r'"\udc00"', r'"\x"', '"a\tb"', '"\x7f"', "[]", "{}", "[1,]", '{"a":1,}', '{"a":1,"a":2}',
    '{1:2}', "[1 2]", r'{"\ud800":1}', '[{"a":[null,{"b":[]}]}]', "",
    *("[" * depth + "]" * depth for depth in (2, 60, 124, 125, 126, 127, 128, 200)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (124, 125, 126, 127, 128)),
    *('[{"a":' * depth + "1" + "}]" * depth for depth in (62, 63, 64)),
]  # fmt: skip
NAMES = [
    "x", "y", "", "é", "e\u0301", "\U0001f600", "a b", "__metadata__", "\x7f", "\u2028", "n" * 300,
    r"\u0078", r"\n", r"\/", r"\"", r"\\", r"\u0000", r"\ud83d\ude00", r"\uD83D\uDE00", r"\u00e9",
    r"\ud800", r"\udc00", r"\ude00\ud83d", r"\ud83d\ud83d\ude00", r"\x78", r"\u12", r"\u+123",
    r"\ud83d\u0041", r"\ud83dx", r"\U0041", "a\nb", "a\tb", "\0", r"__metadata\u005f_",
]  # fmt: skip
METADATA = [
    "null", "{}", "[]", "1", '"text"', "true", '{"format":"pt"}', '{"a":null}', '{"a":1}',
    '{"a":{}}',
    '{"a":[]}', '{"a":"b","a":"c"}', '{"a":"b",}', r'{"\u0000":"\ud83d\ude00"}', r'{"a":"\ud800"}',
    '{"":""}', '{"a":"b","c":"d","é":"\\u00e9"}', '[["a","b"]]', '{"a":"line\nbreak"}', '{"a" "b"}',
]  # fmt: skip
DTYPES_AS_TEXT = [
    '"F128"', '"u8"', '""', '"U8 "', "8", "null", '{"U8":null}', '{"F32":null}', '{"U8":{}}',
    '{"U8":null,"U8":null}', "{}", '["U8"]', r'"\u0055\u0038"', '"float32"', '"Bool"',
]  # fmt: skip


@dataclass
class Header:
    """A header as texts, so that each part can be wrong by itself."""

    metadata: list  # texts of `__metadata__` values
    infos: list  # [name, [[field, value text], ...]]; names are the insides of JSON strings
    data: bytes
    as_arrays: bool = False

    def render(self):
        parts = [f'"__metadata__":{text}' for text in self.metadata]
        parts += [f'"{name}":{self.render_info(fields)}' for name, fields in self.infos]
        return f"{{{','.join(parts)}}}"

    def render_info(self, fields):
        if self.as_arrays:
            return f"[{','.join(value for _, value in fields)}]"
        named = [f'"{field}":{value}' for field, value in fields]
        return f"{{{','.join(named)}}}"


def random_header(rng):
    """A valid header over a few small tensors, laid out in any order."""
    from safetensors_reference import DTYPES, byte_count

    header = Header(rng.choice([[], ['{"format":"pt"}']]), [], b"")
    for number in range(rng.randrange(4)):
        dtype = rng.choice(list(DTYPES))
        shape = [rng.choice([0, 1, 2, 3, 4, 8]) for _ in range(rng.randrange(4))]
        if byte_count(dtype, shape) is None:
            shape.append(8)
        begin, size = len(header.data), byte_count(dtype, shape)
        header.data += rng.randbytes(size)
        fields = [["dtype", f'"{dtype}"'], ["shape", json.dumps(shape, separators=(",", ":"))]]
        fields.append(["data_offsets", f"[{begin},{begin + size}]"])
        header.infos.append([rng.choice(["t", "é", "a.b", "\U0001f600"]) + str(number), fields])
    rng.shuffle(header.infos)
    return header


# Edits of a header; each takes the header and the source of randomness.


def edit_dtype(header, rng):
    from safetensors_reference import DTYPES

    choices = DTYPES_AS_TEXT + [f'"{name}"' for name in DTYPES]
    set_field(header, rng, "dtype", rng.choice(choices))


def edit_shape(header, rng):
    edit_number_list(header, rng, "shape")


def edit_offsets(header, rng):
    edit_number_list(header, rng, "data_offsets")


def edit_number_list(header, rng, name):
    """Change, add or take away an element, or put something else in the place of the list."""
    fields = random_info(header, rng)
    if name not in dict(fields or []):
        return
    elements = [text for text in dict(fields)[name].strip("[]").split(",") if text]
    kind = rng.randrange(5)
    if kind == 0 or not elements:
        elements.insert(rng.randrange(len(elements) + 1), rng.choice(NUMBERS))
    elif kind == 1:
        elements.pop(rng.randrange(len(elements)))
    elif kind == 2:
        elements[rng.randrange(len(elements))] = rng.choice(NUMBERS)
    elif kind == 3:
        rng.shuffle(elements)
    text = f"[{','.join(elements)}]"
    replace(fields, name, text if kind < 4 else rng.choice(NUMBERS))


def random_info(header, rng):
    return rng.choice(header.infos)[1] if header.infos else None


def replace(fields, name, text):
    for field in fields:
        if field[0] == name:
            field[1] = text


def set_field(header, rng, name, text):
    fields = random_info(header, rng)
    if fields is not None:
        replace(fields, name, text)


def edit_ignored(header, rng):
    fields = random_info(header, rng)
    if fields is not None:
        name = rng.choice(["unknown", "u", "0", "Dtype", "", r"\u0075", r"\ud800"])
        fields.insert(rng.randrange(len(fields) + 1), [name, rng.choice(IGNORED)])


def edit_field_twice(header, rng):
    fields = random_info(header, rng)
    if fields is not None:
        fields.insert(rng.randrange(len(fields) + 1), list(rng.choice(fields)))


def edit_field_away(header, rng):
    fields = random_info(header, rng)
    if fields is not None:
        fields.pop(rng.randrange(len(fields)))


def edit_field_name(header, rng):
    fields = random_info(header, rng)
    if fields is not None:
        rng.choice(fields)[0] = rng.choice(["shape", r"shap\u0065", "SHAPE", r"\u0064type", "dtyp"])


def edit_field_order(header, rng):
    fields = random_info(header, rng)
    if fields is not None:
        rng.shuffle(fields)


def edit_name(header, rng):
    if header.infos:
        rng.choice(header.infos)[0] = rng.choice(NAMES)


def edit_tensor_twice(header, rng):
    if header.infos:
        header.infos.insert(
            rng.randrange(len(header.infos) + 1), copy.deepcopy(rng.choice(header.infos))
        )


def edit_tensor_away(header, rng):
    if header.infos:
        header.infos.pop(rng.randrange(len(header.infos)))


def edit_metadata(header, rng):
    header.metadata.append(rng.choice(METADATA))


def edit_metadata_only(header, rng):
    header.metadata = [rng.choice(METADATA)]


def edit_as_arrays(header, rng):
    header.as_arrays = True
    if rng.random() < 0.3:
        edit_field_away(header, rng)
    if rng.random() < 0.3:
        edit_field_order(header, rng)


def edit_hole(header, rng):
    """Move one tensor along, over the others or away from them."""
    fields = random_info(header, rng)
    if fields is not None:
        step = rng.choice([-4, -1, 1, 4])
        try:
            begin, end = json.loads(dict(fields)["data_offsets"])
            replace(fields, "data_offsets", f"[{begin + step},{end + step}]")
        except (KeyError, TypeError, ValueError):
            return  # an edit before this one has taken it


def edit_empty_tensor(header, rng):
    offset = rng.randrange(len(header.data) + 2)
    extents = rng.choice(["0", "0,18446744073709551615", "18446744073709551615,2,0", "3,0"])
    dtype = rng.choice(["U8", "F64", "F4"])
    fields = [["dtype", f'"{dtype}"'], ["shape", f"[{extents}]"]]
    header.infos.append(["empty", [*fields, ["data_offsets", f"[{offset},{offset}]"]]])


EDITS = [
    edit_dtype, edit_shape, edit_shape, edit_offsets, edit_ignored, edit_ignored, edit_field_twice,
    edit_field_away, edit_field_name, edit_field_order, edit_name, edit_name, edit_tensor_twice,
    edit_tensor_away, edit_metadata, edit_metadata_only, edit_as_arrays, edit_hole,
    edit_empty_tensor,
]  # fmt: skip


# Spoilings of the bytes; each takes the header's bytes and the data, and returns a file.


def framed(header, data=b"", length=None):
    from safetensors_reference import frame

    return frame(header, data, length)


def spoil_nothing(header, data, rng):
    return framed(header, data)


def spoil_whitespace(header, data, rng):
    """Whitespace between any two structural characters, sometimes one that JSON does not know."""
    blanks = [b" ", b"\n", b"\t", b"\r", b"  "] * 3 + [b"\f", b"\xc2\xa0"]
    spaced = bytearray()
    for byte in header:
        spaced.append(byte)
        if byte in b"{}[]:," and rng.random() < 0.2:
            spaced += rng.choice(blanks)
    return framed(rng.choice([b"", b" ", b"\n\t"]) + bytes(spaced), data)


def spoil_around(header, data, rng):
    junk = [b"\0", b"x", b"{}", b"\xef\xbb\xbf", b",", b"}", b" " * 9, b"\n", b"//", b"\x0b"]
    before, after = rng.choice([(rng.choice(junk), b""), (b"", rng.choice(junk))])
    return framed(before + header + after, data)


def spoil_flip(header, data, rng):
    """Some byte of the header becomes another, most often one that means something."""
    changed = bytearray(header)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        structural = b'{}[]:,"\\0123456789 -.eE\x00\x1f\x7f\x80\xc3\xff'
        changed[rng.randrange(len(changed))] = rng.choice([*structural, rng.randrange(256)])
    return framed(bytes(changed), data)


def spoil_delete(header, data, rng):
    position = rng.randrange(len(header))
    return framed(header[:position] + header[position + rng.choice([1, 1, 2, 5]) :], data)


def spoil_utf8(header, data, rng):
    """Bytes that are not UTF-8 (or just are) somewhere in the header."""
    position = rng.randrange(len(header))
    sequence = rng.choice([
        b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf4\x8f\xbf\xbf",
        b"\xe0\x80\xaf", b"\xf0\x9f\x98", b"\x80", b"\xc3\xa9", b"\xed\x9f\xbf", b"\xee\x80\x80",
    ])  # fmt: skip
    return framed(header[:position] + sequence + header[position:], data)


def spoil_data(header, data, rng):
    return framed(header, rng.choice([data + b"\0", data[:-1], b"", data + data + b"\0"]))


def spoil_length(header, data, rng):
    step = rng.choice([-8, -1, 1, 2, 8, len(data), len(data) + 1])
    lengths = [
        len(header) + step,
        0,
        1,
        100_000_000,
        100_000_001,
        2**31,
        2**32,
        2**63,
        2**64 - 8,
        2**64 - 1,
    ]
    return framed(header, data, max(0, rng.choice(lengths)))


def spoil_truncate(header, data, rng):
    content = framed(header, data)
    return content[: rng.randrange(len(content))]


SPOILINGS = [spoil_nothing] * 12 + [
    spoil_whitespace, spoil_whitespace, spoil_around, spoil_flip, spoil_flip, spoil_flip,
    spoil_delete,
    spoil_utf8, spoil_data, spoil_length, spoil_truncate,
]  # fmt: skip


def mutation(rng):
    """A file that was valid before a few edits and a spoiling."""
    header = random_header(rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        rng.choice(EDITS)(header, rng)
    text = header.render().encode("utf-8", "surrogatepass")
    return rng.choice(SPOILINGS)(text, header.data, rng)


def single_tensor(fields):
    return framed(Header([], [["x", fields]], b"").render().encode(), bytes(4))


def systematic():
    """Every listed oddity once, by itself, so that no seed misses one."""
    base = {"dtype": '"U8"', "shape": "[4]", "data_offsets": "[0,4]"}

    def with_field(name, text):
        return single_tensor([*({**base, name: text}).items()])

    for text in IGNORED:
        yield with_field("unknown", text)
    for text in DTYPES_AS_TEXT:
        yield with_field("dtype", text)
    for number, shape in product(NUMBERS, ["[%s]", "[%s,1]", "[1,%s]", "%s"]):
        yield with_field("shape", shape % number)
    for number, offsets in product(NUMBERS, ["[%s,4]", "[0,%s]", "%s", "[0,4,%s]"]):
        yield with_field("data_offsets", offsets % number)
    for name in NAMES:
        yield framed(Header([], [[name, [*base.items()]]], b"").render().encode(), bytes(4))
    for text in METADATA:
        yield framed(Header([text], [["x", [*base.items()]]], b"").render().encode(), bytes(4))
        yield framed(Header([text], [], b"").render().encode())


def has_duplicate_keys(content):
    """Whether a header that the reference takes has a tensor's name or a metadata key twice."""
    from safetensors_reference import split

    pairs = json.loads(split(content)[0], object_pairs_hook=lambda pairs: pairs)
    metadata = [value or [] for name, value in pairs if name == "__metadata__"]
    return any(
        count > 1
        for members in [pairs, *metadata]
        for count in Counter(name for name, _ in members).values()
    )


def by_name(tensors):
    fields = ("dtype", "shape", "data_offsets")
    return {tensor["name"]: tuple(tensor[field] for field in fields) for tensor in tensors}


def verdict_problem(path):
    """Where `peftkit inspect` and the reference differ about a file, or None."""
    from safetensors_reference import verdict

    expected = verdict(path)
    content = path.read_bytes()
    accepted = expected["accepted"] and not has_duplicate_keys(content)
    run = peftkit("inspect", path, "--json")
    about = f"reference: {expected}; header {content[8:400]!r}"
    if run.code != (0 if accepted else 2):
        return f"{run}; {about}"
    if not accepted:
        good = run.stderr.startswith(f"error: {path}: ") and not run.stdout
        return None if good else f"not the form of an error: {run}; {about}"
    found = run.json()
    if found["format"] != "safetensors" or found["metadata"] != expected["metadata"]:
        return f"format or metadata: {found}; {about}"
    if by_name(found["tensors"]) != by_name(expected["tensors"]):
        return f"tensors: {found['tensors']}; {about}"
    if len(found["tensors"]) != len(expected["tensors"]):
        return f"number of tensors: {found['tensors']}; {about}"
    return None


class SafetensorsVerdictTests(InteropTest):
    def test_fixtures(self):
        self.check_all(sorted((FIXTURES / "safetensors").rglob("*.safetensors")), verdict_problem)

    def test_recorded_verdicts(self):
        """The fixtures' verdicts.json is still what the reference says."""
        from safetensors_reference import verdict

        recorded = json.loads((FIXTURES / "safetensors/verdicts.json").read_text())
        for name, answer in recorded.items():
            self.assertEqual(verdict(FIXTURES / "safetensors" / name), answer, name)

    def test_adapters(self):
        self.check_all(sorted((FIXTURES / "adapters").rglob("*.safetensors")), verdict_problem)

    def test_systematic_oddities(self):
        self.check_contents(systematic())

    def test_mutations(self):
        rng = self.random
        self.check_contents(mutation(rng) for _ in range(MUTATIONS))

    def check_contents(self, contents):
        paths = []
        for number, content in enumerate(contents):
            paths.append(self.scratch / f"{number}.safetensors")
            paths[-1].write_bytes(content)
        self.check_all(paths, verdict_problem)
