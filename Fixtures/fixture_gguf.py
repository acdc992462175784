# SPDX-License-Identifier: Apache-2.0
"""GGUF files: by the gguf package (written/), and by hand, to refuse (refuse/).

written/quantized.gguf has a tensor of every quantized type, of random blocks with finite scales;
written/dequantized.safetensors has what the package makes of those that peftkit dequantizes.
written/q8_0.gguf is the package's Q8_0 of the tensors in written/plain.safetensors.
"""

import random
import struct

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFEndian, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from safetensors.numpy import save

FOLDERS = ["gguf"]
DENSE = {Type.F32, Type.F16, Type.BF16, Type.F64, Type.I8, Type.I16, Type.I32, Type.I64}
DEQUANTIZED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
# The places of the F16 numbers in a block.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
    "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_values(writer):
    writer.add_uint8("value.uint8", 200)
    writer.add_int8("value.int8", -3)
    writer.add_uint16("value.uint16", 65535)
    writer.add_int16("value.int16", -7)
    writer.add_uint32("value.uint32", 2**32 - 1)
    writer.add_int32("value.int32", -(2**31))
    writer.add_float32("value.float32", 0.1)
    writer.add_bool("value.bool", True)
    writer.add_string("value.string", 'é "quoted"\nline')
    writer.add_array("value.strings", ["a", "ä", "\n"])
    writer.add_array("value.integers", [1, -2, 3])
    writer.add_array("value.floats", [0.1, 2.0])
    writer.add_array("value.nested", [[1, 2], [3]])
    writer.add_uint64("value.uint64", 2**64 - 1)
    writer.add_int64("value.int64", -(2**63))
    writer.add_float64("value.float64", 0.1)


def add_dense(writer, rng):
    for dtype in (np.float32, np.float16, np.float64):
        writer.add_tensor(f"dense.{dtype.__name__}", rng.standard_normal((3, 5)).astype(dtype))
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        numbers = rng.integers(-128, 128, (2, 3, 1, 2)).astype(dtype)
        writer.add_tensor(f"dense.{dtype.__name__}", numbers)
    writer.add_tensor("dense.scalar", np.array(7, "f4"))
    writer.add_tensor("dense.vector", rng.standard_normal(3).astype("f4"))


def add_bfloat16(writer, rng):
    bits = gguf.quantize(rng.standard_normal((2, 4)).astype("f4"), Type.BF16)
    writer.add_tensor("dense.bfloat16", bits.view(np.uint8), raw_dtype=Type.BF16)


def dense(path, *, endian=GGUFEndian.LITTLE, alignment=None):
    rng = np.random.default_rng(1)
    writer = GGUFWriter(path, "llama", endianess=endian)
    if alignment:
        writer.add_custom_alignment(alignment)
    add_values(writer)
    add_dense(writer, rng)
    # The writer swaps BF16 bits in neither order.
    if endian == GGUFEndian.LITTLE:
        add_bfloat16(writer, rng)
    finish(writer)


def quantized(folder):
    rng = random.Random(2)
    writer = GGUFWriter(folder / "quantized.gguf", "llama")
    expected = {}
    for type, (elements, size) in GGML_QUANT_SIZES.items():
        if type in DENSE:
            continue
        blocks = np.frombuffer(rng.randbytes(6 * size), np.uint8).reshape(6, size).copy()
        for place in SCALES.get(type.name, []):
            scales = [rng.gauss(0, 0.1) for _ in range(6)]
            blocks[:, place:place + 2] = np.array(scales, "<f2").view(np.uint8).reshape(6, 2)
        data = blocks.reshape(2, 3 * size)
        writer.add_tensor(type.name, data, raw_dtype=type)
        if type.name in DEQUANTIZED:
            expected[type.name] = gguf.dequantize(data, type)
    finish(writer)
    (folder / "dequantized.safetensors").write_bytes(save(expected))


def q8_0(folder):
    rng = np.random.default_rng(3)
    tensors = {
        "normal": rng.standard_normal((8, 64)).astype("f4"),
        "small": (rng.standard_normal((2, 32)) * 1e-9).astype("f4"),
        "halves": (rng.integers(-255, 256, (4, 32)) / 2).astype("f4"),
        "zeros": np.zeros((1, 32), "f4"),
        "large": (rng.standard_normal((2, 96)) * 1e6).astype("f4"),
    }
    (folder / "plain.safetensors").write_bytes(save(tensors))
    writer = GGUFWriter(folder / "q8_0.gguf", "llama")
    for name in sorted(tensors):
        writer.add_tensor(name, gguf.quantize(tensors[name], Type.Q8_0), raw_dtype=Type.Q8_0)
    finish(writer)


def version_2(folder):
    whole = (folder / "dense.gguf").read_bytes()
    (folder / "version-2.gguf").write_bytes(whole[:4] + struct.pack("<I", 2) + whole[8:])


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(value)) + value


def key(name, type, value):
    return text(name) + struct.pack("<I", type) + value


def tensor(name, extents, type, offset):
    head = text(name) + struct.pack("<I", len(extents))
    return head + struct.pack(f"<{len(extents)}Q", *extents) + struct.pack("<IQ", type, offset)


def file(keys=(), tensors=(), data=b"", *, version=3, counts=None, magic=b"GGUF", alignment=32):
    counts = counts or (len(tensors), len(keys))
    header = magic + struct.pack("<IQQ", version, *counts) + b"".join(keys) + b"".join(tensors)
    return header + b"\0" * (-len(header) % alignment) + data


def refused():
    top = 2**64 - 1
    four = b"\0" * 32
    one = tensor("a", [1], 0, 0)
    nested = struct.pack("<IQ", 0, 1) + b"\1"
    for _ in range(8):
        nested = struct.pack("<IQ", 9, 1) + nested
    return {
        "magic": file(magic=b"GGUf"),
        "version-1": file(version=1),
        "version-4": file(version=4),
        "version-0": file(version=0),
        "tensor-count": file(counts=(top, 0)),
        "tensor-count-large": file(counts=(2**40, 0)),
        "key-count": file(counts=(0, top)),
        "key-length": file(keys=[struct.pack("<Q", top) + b"a"]),
        "key-length-just-too-long": file(keys=[struct.pack("<Q", 1000) + b"a"]),
        "key-not-utf-8": file(keys=[key(b"\xff", 0, b"\0")]),
        "key-twice": file(keys=[key("a", 0, b"\0"), key("a", 0, b"\0")]),
        "value-type": file(keys=[key("a", 13, b"\0" * 16)]),
        "value-string-length": file(keys=[key("a", 8, struct.pack("<Q", top) + b"x")]),
        "array-length": file(keys=[key("a", 9, struct.pack("<IQ", 10, top))]),
        "array-length-overflow": file(keys=[key("a", 9, struct.pack("<IQ", 10, 2**61 + 1))]),
        "array-of-strings-length": file(keys=[key("a", 9, struct.pack("<IQ", 8, 2**60))]),
        "array-of-arrays-length": file(keys=[key("a", 9, struct.pack("<IQ", 9, 2**60))]),
        "array-type": file(keys=[key("a", 9, struct.pack("<IQ", 99, 1) + b"\0" * 8)]),
        "array-nesting": file(keys=[key("a", 9, nested)]),
        "alignment-type": file(keys=[key("general.alignment", 10, struct.pack("<Q", 32))]),
        "alignment-zero": file(keys=[key("general.alignment", 4, struct.pack("<I", 0))]),
        "alignment-odd": file(keys=[key("general.alignment", 4, struct.pack("<I", 48))]),
        "alignment-huge": file(keys=[key("general.alignment", 4, struct.pack("<I", 2**31))]),
        "tensor-name-length": file(tensors=[struct.pack("<Q", top) + b"\0" * 24]),
        "tensor-name-not-utf-8": file(tensors=[tensor(b"\xff", [1], 0, 0)], data=four),
        "tensor-twice": file(tensors=[one, tensor("a", [1], 0, 32)], data=2 * four),
        "dimensions": file(tensors=[tensor("a", [1] * 5, 0, 0)], data=four),
        "dimensions-huge": file(
            tensors=[text("a") + struct.pack("<I", 2**32 - 1) + b"\0" * 64], data=four),
        "shape-overflow": file(tensors=[tensor("a", [2**32, 2**32], 0, 0)], data=four),
        "shape-bits-overflow": file(tensors=[tensor("a", [2**60], 0, 0)], data=four),
        "shape-wraps-to-one": file(tensors=[tensor("a", [2**63, 2], 0, 0)], data=four),
        "shape-top": file(tensors=[tensor("a", [top], 8, 0)], data=four),
        "type": file(tensors=[tensor("a", [32], 4, 0)], data=four),
        "type-huge": file(tensors=[tensor("a", [32], 2**32 - 1, 0)], data=four),
        "block": file(tensors=[tensor("a", [2, 32], 8, 0)], data=b"\0" * 96),
        "block-scalar": file(tensors=[tensor("a", [], 8, 0)], data=b"\0" * 64),
        "offset-misaligned": file(tensors=[tensor("a", [1], 0, 4)], data=2 * four),
        "offset-gap": file(tensors=[tensor("a", [1], 0, 32)], data=2 * four),
        "offset-overlap": file(tensors=[tensor("a", [9], 0, 0), tensor("b", [1], 0, 32)], data=3 * four),
        "offset-same": file(tensors=[one, tensor("b", [1], 0, 0)], data=2 * four),
        "offset-order": file(tensors=[tensor("a", [1], 0, 32), tensor("b", [1], 0, 0)], data=2 * four),
        "offset-top": file(tensors=[tensor("a", [1], 0, top - 31)], data=four),
        "offset-past-the-end": file(tensors=[one, tensor("b", [1], 0, 2**62)], data=four),
        "data-cut": file(tensors=[one, tensor("b", [100], 0, 32)], data=four + b"\0" * 399),
        "data-missing": file(tensors=[one])[:-8],
        "trailing-bytes": file(tensors=[one], data=four + b"\0"),
        "trailing-bytes-no-tensors": file() + b"\0",
    }


def make(root):
    written, refuse = root / "gguf/written", root / "gguf/refuse"
    for folder in (written, refuse):
        folder.mkdir(parents=True)
    dense(written / "dense.gguf")
    dense(written / "alignment-128.gguf", alignment=128)
    dense(written / "alignment-8.gguf", alignment=8)
    dense(written / "big-endian.gguf", endian=GGUFEndian.BIG)
    finish(GGUFWriter(written / "no-tensors.gguf", "llama"))
    version_2(written)
    quantized(written)
    q8_0(written)
    for name, contents in refused().items():
        (refuse / f"{name}.gguf").write_bytes(contents)
