# SPDX-License-Identifier: Apache-2.0
"""GGUF files, read and written: against the gguf package.

What the package wrote must be seen as it is, what peftkit writes must be what the package writes, to the byte, and
quantized tensors must be decoded to the same bits.
"""

import contextlib
import io
import logging
import pickle
import struct
import unittest
import zipfile

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFEndian, GGUFReader, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from safetensors.numpy import load_file, save_file

from support import HOSTILE, InteropTest, peftkit

QUIET = "--no-sync"
DTYPES = {"float32": "F32", "float16": "F16", "float64": "F64", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64"}
DECODED = [Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K]
# The places of the F16 numbers in a block.
SCALES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0], Type.Q2_K: [80, 82],
    Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
}
INTEGERS = {"uint8": (0, 2**8), "int8": (-(2**7), 2**7), "uint16": (0, 2**16), "int16": (-(2**15), 2**15),
            "uint32": (0, 2**32), "int32": (-(2**31), 2**31), "uint64": (0, 2**64), "int64": (-(2**63), 2**63)}
logging.getLogger("gguf.gguf_writer").setLevel(logging.ERROR)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class GGUFTest(InteropTest):
    def setUp(self):
        super().setUp()
        self.numbers = np.random.default_rng(self.random.randrange(2**32))

    def array(self, dtype=None):
        dtype = np.dtype(dtype or self.random.choice(list(DTYPES)))
        shape = tuple(self.random.choice([1, 2, 3, 5, 32, 40]) for _ in range(self.random.randrange(5)))
        bits = np.frombuffer(self.random.randbytes(int(np.prod(shape)) * dtype.itemsize), np.uint8)
        return bits.view(dtype).reshape(shape)

    def arrays(self):
        names = ["w", "blk.0.attn_q.weight", "größe", "A", "a", "x y", "n" * 300]
        return {name: self.array() for name in self.random.sample(names, self.random.randrange(1, len(names)))}

    def add_values(self, writer):
        """Random keys and values of random types; gives what inspect says of them."""
        expected = {"general.architecture": ("string", "llama")}
        for index in range(self.random.randrange(12)):
            kind = self.random.choice([*INTEGERS, "float32", "float64", "bool", "string", "array"])
            key = f"key.{index}.{kind}"
            if kind in INTEGERS:
                value = self.random.randrange(*INTEGERS[kind])
                text = str(value)
            elif kind == "bool":
                value = self.random.random() < 0.5
                text = "true" if value else "false"
            elif kind == "string":
                value = text = self.random.choice(["x", "é", 'a "b"\n', "\x00", "x" * 5000])
            elif kind == "array":
                value = [self.random.randrange(-(2**31), 2**31) for _ in range(self.random.randrange(1, 5))]
                text = "[" + ",".join(map(str, value)) + "]"
            else:
                value = self.random.choice([0.1, -2.5, 1e-30, 3.0])
                text = None
            getattr(writer, f"add_{kind}")(key, value)
            expected[key] = (f"int32[{len(value)}]" if kind == "array" else kind, text)
        return expected


class ReadingTests(GGUFTest):
    def test_what_the_package_wrote(self):
        """Keys, types, names, dtypes, shapes and data, in both byte orders and other alignments."""
        for index in range(60):
            endian = self.random.choice([GGUFEndian.LITTLE, GGUFEndian.LITTLE, GGUFEndian.BIG])
            path = self.scratch / f"{index}.gguf"
            writer = GGUFWriter(path, "llama", endianess=endian)
            alignment = self.random.choice([None, None, 8, 64, 4096])
            if alignment:
                writer.add_custom_alignment(alignment)
            expected = self.add_values(writer)
            if alignment:
                expected["general.alignment"] = ("uint32", str(alignment))
            arrays = self.arrays()
            for name, array in arrays.items():
                writer.add_tensor(name, array)
            finish(writer)
            found = peftkit("inspect", path, "--json").json()
            self.assertEqual(found["format"], "gguf")
            self.assertEqual(found["metadata_types"], {key: kind for key, (kind, _) in expected.items()})
            for key, (_, text) in expected.items():
                if text is not None:
                    self.assertEqual(found["metadata"][key], text)
            described = [(t["name"], t["dtype"], tuple(t["shape"]), t["byte_count"]) for t in found["tensors"]]
            self.assertEqual(
                described, [(name, DTYPES[a.dtype.name], a.shape, a.nbytes) for name, a in arrays.items()])
            converted = self.scratch / f"{index}.safetensors"
            run = peftkit("convert", path, converted, QUIET)
            self.assertEqual(run.code, 0, run)
            loaded = load_file(converted)
            for name, array in arrays.items():
                self.assertEqual(loaded[name].tobytes(), array.tobytes())
            # A file of this byte order comes back to the byte.
            again = self.scratch / f"{index}-again.gguf"
            self.assertEqual(peftkit("convert", path, again, QUIET).code, 0)
            if endian == GGUFEndian.LITTLE:
                self.assertEqual(again.read_bytes(), path.read_bytes())
            run = peftkit("diff", path, again)
            self.assertEqual((run.code, b"differs" in run.stdout), (0, False), run)

    def test_every_type_is_listed(self):
        path = self.scratch / "types.gguf"
        writer = GGUFWriter(path, "llama")
        kinds = [kind for kind, (count, _) in GGML_QUANT_SIZES.items() if count > 1]
        for kind in kinds:
            size = GGML_QUANT_SIZES[kind][1]
            data = np.frombuffer(self.random.randbytes(6 * size), np.uint8).reshape(2, -1)
            writer.add_tensor(kind.name, data, raw_dtype=kind)
        finish(writer)
        found = peftkit("inspect", path, "--json").json()["tensors"]
        expected = [(k.name, k.name, [2, 3 * GGML_QUANT_SIZES[k][0]], 6 * GGML_QUANT_SIZES[k][1]) for k in kinds]
        self.assertEqual([(t["name"], t["dtype"], t["shape"], t["byte_count"]) for t in found], expected)
        copy = self.scratch / "copy.gguf"
        self.assertEqual(peftkit("convert", path, copy, QUIET).code, 0)
        self.assertEqual(copy.read_bytes(), path.read_bytes())
        self.assertEqual(peftkit("scan", path).code, 0)
        self.assertEqual(peftkit("validate", path).code, 0)
        run = peftkit("convert", path, self.scratch / "x.safetensors", QUIET)
        self.assertEqual(run.code, 2)
        self.assertIn("Q4_0", run.stderr)


class QuantizedTests(GGUFTest):
    def blocks(self, kind, count):
        size = GGML_QUANT_SIZES[kind][1]
        blocks = np.frombuffer(self.random.randbytes(count * size), np.uint8).reshape(count, size).copy()
        for place in SCALES[kind]:
            scales = self.numbers.standard_normal(count) * 10.0 ** self.numbers.integers(-8, 4, count)
            blocks[:, place:place + 2] = scales.astype("<f2").view(np.uint8).reshape(count, 2)
        return blocks

    def test_decoding(self):
        """Random blocks, to the bit; enough of them to be read in several pieces."""
        path = self.scratch / "quantized.gguf"
        writer = GGUFWriter(path, "llama")
        expected = {}
        for kind in DECODED:
            data = self.blocks(kind, 4 * 9000).reshape(4, -1)
            writer.add_tensor(kind.name, data, raw_dtype=kind)
            expected[kind.name] = gguf.dequantize(data, kind)
        finish(writer)
        converted = self.scratch / "decoded.safetensors"
        run = peftkit("convert", path, converted, QUIET, "--dtype", "float32")
        self.assertEqual(run.code, 0, run)
        loaded = load_file(converted)
        self.assertEqual(loaded.keys(), expected.keys())
        for name, array in expected.items():
            self.assertEqual(loaded[name].shape, array.shape, name)
            self.assertEqual(loaded[name].tobytes(), array.tobytes(), name)

    def test_encoding(self):
        """Q8_0 of normal, tiny, large and halfway numbers, to the byte."""
        draw = self.numbers.standard_normal
        tensors = {
            "normal": draw((64, 4096)), "tiny": draw((8, 64)) * 1e-8, "subnormal": draw((8, 64)) * 1e-40,
            "large": draw((8, 64)) * 1e6, "halves": self.numbers.integers(-254, 255, (64, 32)) / 2,
            "zeros": np.zeros((2, 32)), "few": np.where(self.numbers.random((8, 64)) < 0.9, 0, draw((8, 64))),
        }
        tensors = {name: array.astype("f4") for name, array in tensors.items()}
        source, path = self.scratch / "plain.safetensors", self.scratch / "q8_0.gguf"
        save_file(tensors, source)
        run = peftkit("convert", source, path, QUIET, "--dtype", "q8_0")
        self.assertEqual(run.code, 0, run)
        with np.errstate(all="ignore"):
            for tensor in GGUFReader(path).tensors:
                self.assertEqual(tensor.tensor_type, Type.Q8_0)
                expected = gguf.quantize(tensors[tensor.name], Type.Q8_0)
                self.assertEqual(tensor.data.tobytes(), expected.tobytes(), tensor.name)


class WritingTests(GGUFTest):
    def test_what_the_package_writes(self):
        """The bytes of its writer, for the same keys and tensors in the same order."""
        for index in range(40):
            arrays = self.arrays()
            texts = {"general.architecture": "llama", "general.name": "tiny", "ü": "x"}
            source = self.scratch / f"{index}.safetensors"
            save_file(arrays, source, metadata=texts)
            path = self.scratch / f"{index}.gguf"
            run = peftkit("convert", source, path, QUIET)
            self.assertEqual(run.code, 0, run)
            reader = GGUFReader(path)
            self.assertEqual({t.name: t.data.tobytes() for t in reader.tensors},
                             {name: array.tobytes() for name, array in arrays.items()})
            for tensor in reader.tensors:
                self.assertEqual(tuple(tensor.shape.tolist()[::-1]), arrays[tensor.name].shape)
            # The order of keys in safetensors is the library's.
            fields = {key: f.contents() for key, f in reader.fields.items() if not key.startswith("GGUF.")}
            self.assertEqual(fields, texts)
            expected = self.scratch / f"{index}-expected.gguf"
            writer = GGUFWriter(expected, "llama")
            writer.kv_data = [{}]
            for key, value in fields.items():
                writer.add_string(key, value)
            for tensor in reader.tensors:
                writer.add_tensor(tensor.name, arrays[tensor.name])
            finish(writer)
            self.assertEqual(path.read_bytes(), expected.read_bytes())
            back = self.scratch / f"{index}-back.safetensors"
            self.assertEqual(peftkit("convert", path, back, QUIET).code, 0)
            self.assertEqual(back.read_bytes(), source.read_bytes())


class HostileTests(GGUFTest):
    def test_another_format_inside(self):
        """A tensor whose bytes are a torch archive is only a tensor, but scan reports what Python would run."""
        path = self.scratch / "two.gguf"

        def header(count):
            value = text("general.alignment") + struct.pack("<II", 4, 1)
            return b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + value + text("a") + struct.pack("<IQIQ", 1, count, 24, 0)

        def text(value):
            return struct.pack("<Q", len(value)) + value.encode()

        start = len(header(0))
        path.write_bytes(header(0))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("a/data.pkl", pickle.dumps(HOSTILE.run, 2))
            archive.writestr("a/version", "3")
        whole = path.read_bytes()
        path.write_bytes(header(len(whole) - start) + whole[start:])
        self.assertEqual([tensor.n_bytes for tensor in GGUFReader(path).tensors], [len(whole) - start])
        found = peftkit("inspect", path, "--json").json()
        self.assertEqual([tensor["byte_count"] for tensor in found["tensors"]], [len(whole) - start])
        run = peftkit("scan", path)
        self.assertEqual(run.code, 1, run)
        self.assertIn(b"is a gguf file, and something else too", run.stdout)
        self.assertIn(HOSTILE.__name__.encode(), run.stdout)

    def test_damaged_files(self):
        """Never a crash; what the package reads from an undamaged header, peftkit reads or refuses."""
        path = self.scratch / "whole.gguf"
        writer = GGUFWriter(path, "llama")
        self.add_values(writer)
        for name, array in self.arrays().items():
            writer.add_tensor(name, array)
        finish(writer)
        whole = path.read_bytes()
        for index in range(150):
            damaged = bytearray(whole)
            for _ in range(self.random.randrange(1, 4)):
                damaged[self.random.randrange(min(len(damaged), 1500))] = self.random.choice([0, 1, 127, 128, 255])
            path.write_bytes(damaged)
            run = peftkit("inspect", path)
            self.assertIn(run.code, (0, 2), run)
            if run.code == 0:
                with contextlib.redirect_stderr(io.StringIO()):
                    try:
                        names = [tensor.name for tensor in GGUFReader(path).tensors]
                    except (ValueError, KeyError, UnicodeDecodeError, OverflowError) as error:
                        self.fail(f"peftkit reads what the package refuses: {error}")
                found = [t["name"] for t in peftkit("inspect", path, "--json").json()["tensors"]]
                self.assertEqual(found, names)


if __name__ == "__main__":
    unittest.main()
