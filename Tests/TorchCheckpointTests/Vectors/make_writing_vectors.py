# SPDX-License-Identifier: Apache-2.0
"""Adds to writing.json what the torch that runs this writes for each case; see README.md.

    python make_writing_vectors.py          the cases, for the installed torch
    python make_writing_vectors.py wide     writing-wide.json: files beyond 4 GiB; takes 18 GB of disk
"""

import hashlib
import json
import os
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import torch

HERE = Path(__file__).parent
RELEASE = torch.__version__.split("+")[0]
VERSION = tuple(map(int, RELEASE.split(".")[:2]))
PLAIN = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
    "C64": "complex64",
}  # fmt: skip
NEW = {
    "U16": "uint16", "U32": "uint32", "U64": "uint64", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip
NEWEST = {"F8_E8M0": "float8_e8m0fnu", "F4": "float4_e2m1fn_x2"}
DTYPES = PLAIN | NEW | NEWEST
TENSOR, FIXED, TRAINED = "tensor", "fixed parameter", "trained parameter"


def layout():
    return "2.7" if VERSION >= (2, 7) else "2.1" if VERSION >= (2, 1) else "1.13"


def entry(name, dtype="F32", shape=(2,), kind=TENSOR):
    return {"name": name, "dtype": dtype, "shape": list(shape), "kind": kind}


def cases():
    """By name: the file that is saved, and its entries or their number."""
    mpt = [entry("prefix_task_cols", "F32", (3, 5, 1), TRAINED),
           entry("prefix_task_rows", "F32", (3, 1, 16), TRAINED),
           entry("prompt_embeddings", "F32", (5, 16), TRAINED),
           entry("base_model.score.weight", "F32", (3, 16))]
    shapes = [(), (0,), (1,), (0, 3), (3, 0, 2), (2, 3, 4), (2, 1, 3, 1, 2), (1,) * 7, (255,), (256,),
              (65535,), (65536,), (0, 2**31 - 1), (0, 2**31), (0, 2**40), (0, 2**62)]
    texts = ["", " ", "0", "1", "é", "e\u0301", "漢字🎉", "a\nb\0c", "'\"\\", "x" * 255, "x" * 256,
             "x" * 1000, "cpu", "storage", "torch", "FloatStorage", "data.pkl"]
    kinds = [entry(f"{kind}.{dtype}", dtype, (2, 2), kind)
             for kind in (TENSOR, FIXED, TRAINED) for dtype in ("F64", "F32", "F16", "BF16", "C64")]
    lists = {
        "none": [],
        "one": [entry("weight")],
        "one-parameter": [entry("weight", "F16", (3, 2), TRAINED)],
        "two": [entry("a"), entry("b", "BF16", (3, 1))],
        "three": [entry("a"), entry("b", "I64", ()), entry("c", "BOOL", (4,))],
        "mpt": mpt,
        "kinds": kinds,
        "fixed-integers": [entry("ids", "I64", (3,), FIXED), entry("mask", "BOOL", (3,), FIXED)],
        "plain-dtypes": [entry(f"t.{dtype}", dtype, (2, 3)) for dtype in PLAIN],
        "new-dtypes": [entry(f"t.{dtype}", dtype, (2, 6)) for dtype in NEW],
        "newest-dtypes": [entry(f"t.{dtype}", dtype, (2, 6)) for dtype in NEWEST],
        "new-shapes": [entry("a", "U16", ()), entry("b", "F8_E4M3", (0, 2)), entry("c", "U64", (70000,))],
        "shapes": [entry(f"s{i}", "U8", shape) for i, shape in enumerate(shapes)],
        "names": [entry(text) for text in texts],
        "literals-last": [entry("a"), entry("storage"), entry("cpu")],
        "large": [entry("a", "U8", (700001,)), entry("b", "U8", (262144,)), entry("c", "U8", (3,))],
    }  # fmt: skip
    for name, entries in lists.items():
        yield name, {"file": "adapter_model.bin", "entries": entries}
    for count in (11, 12, 21, 22, 23, 24, 101, 300, 999, 1000, 1001, 2000, 2001):
        yield f"count-{count}", {"file": "adapter_model.bin", "count": count}
    for file in ["a.b.c.pt", "weights", "a b.bin", "q" * 200 + ".pt", ".a.bin"]:
        yield f"file-{file[:9]}", {"file": file, "count": 3}
    yield "file-unicode", {"file": "é.bin", "count": 3}


def entries_of(case):
    if "entries" in case:
        return case["entries"]
    dtypes = list(PLAIN)
    return [entry(f"layers.{i}.w", dtypes[i % len(dtypes)], (i % 4,)) for i in range(case["count"])]


def value(index, entry):
    """A tensor in a storage of its own, byte j of which is 31 · index + 7 · j."""
    dtype = getattr(torch, DTYPES[entry["dtype"]])
    shape = list(entry["shape"])
    if entry["dtype"] == "F4":
        shape[-1] //= 2
    tensor = torch.zeros(shape, dtype=dtype)
    if tensor.numel():
        size = tensor.numel() * tensor.element_size()
        mask = 1 if entry["dtype"] == "BOOL" else 255
        data = bytes((31 * index + 7 * j) & mask for j in range(size))
        view = torch.empty(0, dtype=torch.uint8).set_(tensor.storage().untyped())
        view.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    if entry["kind"] == TENSOR:
        return tensor
    return torch.nn.Parameter(tensor, requires_grad=entry["kind"] == TRAINED)


def has_dtypes(entries):
    names = {DTYPES[entry["dtype"]] for entry in entries}
    if VERSION < (2, 3):
        return names <= set(PLAIN.values())
    return all(hasattr(torch, name) for name in names)


def saved(case, directory):
    values = {}
    for index, entry in enumerate(entries_of(case)):
        # Interned, as the names in a program are.
        values[sys.intern(entry["name"])] = value(index, entry)
    path = os.path.join(directory, case["file"])
    torch.save(values, path)
    with open(path, "rb") as file:
        return file.read()


def add_cases():
    path = HERE / "writing.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory() as directory:
        for name, case in cases():
            if not has_dtypes(entries_of(case)):
                continue
            data = saved(case, directory)
            releases = known.get(name, {}).get("releases", {})
            releases[RELEASE] = {
                "layout": layout(), "size": len(data), "sha256": hashlib.sha256(data).hexdigest()
            }  # fmt: skip
            known[name] = case | {"releases": dict(sorted(releases.items()))}
    lines = [f"{json.dumps(name)}: {json.dumps(case)}" for name, case in known.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def add_wide():
    """Sizes and places on both sides of the limit of 32 bits; all zeros."""
    limit = 2**32 - 1
    sizes = {"a": 3, "b": limit - 1, "c": 5, "d": limit, "e": 0, "f": 7}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BIG")) as directory:
        values = {}
        for name, size in sizes.items():
            sparse = os.path.join(directory, name)
            with open(sparse, "wb") as file:
                file.truncate(size)
            values[name] = torch.zeros(0, dtype=torch.uint8)
            if size:
                values[name] = torch.from_file(sparse, size=size, dtype=torch.uint8)
        path = os.path.join(directory, "wide.bin")
        torch.save(values, path)
        records = []
        with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
            infos = archive.infolist()
            for info, following in zip(infos, [i.header_offset for i in infos[1:]] + [archive.start_dir]):
                file.seek(info.header_offset)
                lengths = struct.unpack("<26x2H", file.read(30))
                header = 30 + sum(lengths)
                file.seek(info.header_offset)
                local = file.read(header)
                file.seek(info.header_offset + header + info.file_size)
                descriptor = file.read(following - file.tell())
                records.append({
                    "offset": info.header_offset, "size": info.file_size, "checksum": info.CRC,
                    "header": local.hex(), "descriptor": descriptor.hex(),
                })  # fmt: skip
            file.seek(archive.start_dir)
            end = file.read()
            identity = archive.read(infos[-1]).decode()
    wide = {"release": RELEASE, "file": "wide.bin", "sizes": list(sizes.items()), "records": records,
            "serialization_id": identity, "directory": end.hex()}  # fmt: skip
    (HERE / "writing-wide.json").write_text(json.dumps(wide, indent=1) + "\n")


if sys.argv[1:] == ["wide"]:
    add_wide()
else:
    add_cases()
