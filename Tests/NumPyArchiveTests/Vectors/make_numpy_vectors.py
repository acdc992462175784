# SPDX-License-Identifier: Apache-2.0
"""Make the vectors of NumPyArchiveTests with real NumPy and ml_dtypes; see README.md."""

import io
import json
import math
import sys
import warnings
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.lib import format as npy

HERE = Path(__file__).resolve().parent
NAMES = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32",
    "uint32": "U32", "int64": "I64", "uint64": "U64", "float16": "F16", "float32": "F32",
    "float64": "F64", "complex64": "C64", "bfloat16": "BF16", "float8_e5m2": "F8_E5M2",
}
LARGE = 1 << 24
random = np.random.default_rng(20)


def values(dtype, shape):
    """Random bits, so that every bit counts; bools are 0 and 1."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape))
    bits = random.integers(0, 256, count * dtype.itemsize, dtype=np.uint8)
    if dtype == np.bool_:
        bits &= 1
    return np.frombuffer(bits.tobytes(), dtype).reshape(shape)


def plain(array):
    """What a tensor shows: row-major and little endian, as hexadecimal digits."""
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes().hex()


def facts(name, array):
    return {
        "name": name, "dtype": NAMES[array.dtype.newbyteorder("=").name],
        "shape": list(array.shape), "data": plain(array),
    }


def saved(array, version=None):
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        npy.write_array(out, array, version=version)
    return out.getvalue()


class Pipe:
    """An output that cannot seek. What comes in very large pieces is not kept."""

    def __init__(self):
        self.parts = []

    def write(self, data):
        if len(data) < LARGE:
            self.parts.append(bytes(data))
        return len(data)

    def read(self, *_):
        raise io.UnsupportedOperation

    def flush(self):
        pass

    def bytes(self):
        return b"".join(self.parts)


def wide():
    """Members beyond 2 and 4 GiB, without their data."""
    pipe = Pipe()
    sizes = {"a": 1 << 31, "b": 3, "c": 5 << 30, "d": 7}
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for name, size in sizes.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy.write_array_header_1_0(
                    member, {"descr": "|u1", "fortran_order": False, "shape": (size,)})
                for start in range(0, size, LARGE):
                    member.write(bytes(min(LARGE, size - start)))
        members = [{"name": name, "byte_count": sizes[name], "offset": info.header_offset, "checksum": info.CRC}
                   for name, info in zip(sizes, archive.infolist())]
    return {"members": members, "file": pipe.bytes().hex()}


def main():
    read = HERE / "read"
    read.mkdir(exist_ok=True)
    expectations = {}

    def case(name, content, tensors, skipped=()):
        (read / name).write_bytes(content)
        expectations[name] = {"tensors": tensors, "skipped": list(skipped)}

    def single(name, array, version=None):
        case(name, saved(array, version), [facts(name.removesuffix(".npy"), array)])

    for dtype in NAMES:
        numpy_dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))
        single(f"{dtype}.npy", values(numpy_dtype, (2, 3)))
        if numpy_dtype.itemsize > 1:
            single(f"{dtype}-big.npy", values(numpy_dtype, (2, 3)).astype(numpy_dtype.newbyteorder(">")))
    single("scalar.npy", values("f4", ()))
    single("vector.npy", values("f4", (5,)))
    single("empty.npy", values("f4", (0, 3)))
    single("rank-64.npy", values("i1", (1,) * 64))
    single("version-2.npy", values("f4", (2, 3)), (2, 0))
    single("version-3.npy", values("f4", (2, 3)), (3, 0))
    single("fortran.npy", np.asfortranarray(values("f4", (3, 4))))
    single("fortran-3d.npy", np.asfortranarray(values("i2", (3, 4, 5))))
    single("fortran-big.npy", np.asfortranarray(values("f8", (3, 2))).astype(">f8", order="F"))
    single("fortran-complex-big.npy", np.asfortranarray(values("c8", (3, 2))).astype(">c8", order="F"))
    single("fortran-empty.npy", np.asfortranarray(values("f4", (0, 3, 2))))
    single("fortran-bytes.npy", np.asfortranarray(values("u1", (7, 5))))
    # As Python 2 wrote it on 64 bits, where NumPy padded to 16.
    python2 = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }"
    array = values("f4", (2, 3))
    python2 += b" " * (-(len(python2) + 11) % 16) + b"\n"
    case("python2.npy", b"\x93NUMPY\x01\x00" + len(python2).to_bytes(2, "little") + python2 + array.tobytes(),
         [facts("python2", array)])

    many = {
        "weight": values("f4", (4, 3)), "a/b.c": values("i8", (2,)), "A/B.c": values("i8", (2,)),
        "fortran": np.asfortranarray(values("f2", (5, 4))), "big": values("<f4", (3,)).astype(">f4"),
        "bf": values(ml_dtypes.bfloat16, (3, 2)), "scalar": values("f8", ()),
        "empty": values("f4", (0,)), "größe": values("u1", (3,)), "flat": np.zeros((20, 12), "f4"),
        "flat-fortran": np.asfortranarray(np.arange(300, dtype="f4").reshape(12, 25) // 20),
    }
    for name, save in (("savez", np.savez), ("savez-compressed", np.savez_compressed)):
        out = io.BytesIO()
        save(out, **many)
        case(f"{name}.npz", out.getvalue(), [facts(key, value) for key, value in many.items()])
        pipe = Pipe()
        save(pipe, **many)
        case(f"{name}-stream.npz", pipe.bytes(), [facts(key, value) for key, value in many.items()])
    out = io.BytesIO()
    unheld = {
        "complex": np.zeros((2, 3), "c16"), "text": np.array(["a", "bc"]), "bytes": np.array([b"a"]),
        "records": np.zeros(2, [("x", "<f4"), ("y's", "<i2", (2, 3))]), "time": np.zeros(2, "M8[ns]"),
        "span": np.zeros(2, "m8"), "long": np.zeros(2, "g"), "void": np.zeros(2, "V5"),
        "float8": np.zeros(2, ml_dtypes.float8_e4m3fn), "held": values("f4", (2,)),
    }
    np.savez(out, **unheld)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("notes/readme.txt", "not an array")
        archive.mkdir("notes/folder") if hasattr(archive, "mkdir") else archive.writestr("notes/folder/", "")
    case("unheld.npz", out.getvalue(), [facts("held", unheld["held"])],
         [{"name": key, "is_tensor": True, "shape": list(value.shape)} for key, value in unheld.items() if key != "held"]
         + [{"name": "notes/readme.txt", "is_tensor": False, "shape": None}])
    out = io.BytesIO()
    np.savez(out)
    case("nothing.npz", out.getvalue(), [])
    # What a hand and other tools make: plain entries with dates, no 64-bit fields, files beside.
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.npy", saved(many["weight"]), zipfile.ZIP_DEFLATED)
        archive.writestr("y.npy", saved(many["fortran"]))
    case("zipped.npz", out.getvalue(), [facts("x", many["weight"]), facts("y", many["fortran"])])

    refused = HERE / "refused"
    refused.mkdir(exist_ok=True)
    objects = np.array([{"a": 1}, None], dtype=object)
    (refused / "objects.npy").write_bytes(saved(objects))
    for name, key in (("complex128", "complex"), ("text", "text"), ("records", "records"), ("void", "float8")):
        (refused / f"{name}.npy").write_bytes(saved(unheld[key]))
    (refused / "object-field.npy").write_bytes(saved(np.zeros(1, [("x", "<f4"), ("o", "O")])))
    out = io.BytesIO()
    np.savez(out, weight=many["weight"], config=objects)
    (refused / "objects.npz").write_bytes(out.getvalue())

    written = {"arrays": [], "archives": []}
    for dtype in NAMES:
        if hasattr(np, dtype) and not hasattr(ml_dtypes, dtype):
            array = values(dtype, (2, 3))
            written["arrays"].append(facts(dtype, array) | {"file": saved(array).hex()})
    for shape in [(), (0,), (1,), (7,), (1, 1), (2, 3, 4), (10**12, 0), (2**63 - 1, 0), (1,) * 5, (1,) * 11,
                  (1,) * 20, (1,) * 64, (12345678, 0, 1234567), (123, 0, 123, 123)]:
        header = io.BytesIO()
        npy.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        data = bytes(4 * math.prod(shape))
        written["arrays"].append({"name": str(shape)[:40], "dtype": "F32", "shape": list(shape),
                                  "data": data.hex(), "file": (header.getvalue() + data).hex()})
    held = {key: np.ascontiguousarray(value) for key, value in many.items() if key not in ("bf", "big")}
    held["scalar"] = many["scalar"]
    for name, arrays in (("several", held), ("none", {}), ("one", {"x": values("f4", (3,))})):
        pipe = Pipe()
        np.savez(pipe, **arrays)
        written["archives"].append({"name": name, "file": pipe.bytes().hex(),
                                    "tensors": [facts(key, value) for key, value in arrays.items()]})
    written["wide"] = wide()
    (HERE / "read.json").write_text(json.dumps(expectations, indent=1, ensure_ascii=False) + "\n")
    (HERE / "written.json").write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    print(np.__version__, ml_dtypes.__version__, sys.version.split()[0])


main()
