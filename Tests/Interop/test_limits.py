# SPDX-License-Identifier: Apache-2.0
"""Each limit of spec/limits.md: what is beyond it is refused with its name and value, and in time and memory."""

import json
import struct
import time
import zipfile

from support import InteropTest, peak_memory, peftkit

# A debug build takes long for a JSON document of four million values.
SECONDS = 20
MEMORY = 256 << 20
MIB = 1 << 20


def safetensors(header, data=b""):
    return struct.pack("<Q", len(header)) + header + data


def npy(header):
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header


def gguf(fields, tensors=0, keys=0):
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + fields


def name(text):
    return struct.pack("<Q", len(text)) + text


class LimitTests(InteropTest):
    def refused(self, command, path, *said, budget=SECONDS):
        """The command refuses the file, and says each of the texts, soon and in little memory."""
        start = time.monotonic()
        run = peftkit(command, path)
        self.assertLess(time.monotonic() - start, budget, path)
        self.assertEqual(run.code, 2, run)
        for text in said:
            self.assertIn(text, run.stderr, run)
        code, peak, _ = peak_memory(command, path)
        self.assertEqual(code, 2)
        self.assertLess(peak, MEMORY, path)

    def file(self, name, contents, size=None):
        path = self.scratch / name
        path.write_bytes(contents)
        if size is not None:
            with open(path, "r+b") as file:
                file.truncate(size)
        return path

    def pickle(self, contents, method=zipfile.ZIP_STORED):
        path = self.scratch / "file.bin"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("file/data.pkl", contents, compress_type=method)
            archive.writestr("file/version", "3\n")
        return path

    def test_safetensors(self):
        path = self.file("a.safetensors", struct.pack("<Q", 100_000_001) + b"{", 100_000_200)
        self.refused("inspect", path, "100000001 bytes", "100000000")
        nested = b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":' + b"[" * 200 + b"]" * 200 + b"}}"
        self.refused("inspect", self.file("a.safetensors", safetensors(nested)), "not valid")

    def test_json(self):
        for contents, size, said in (
            (b'{"a":' + b"[" * 600 + b"]" * 600 + b"}", None, "512 levels"),
            (b'{"a":' + b"9" * 5000 + b"}", None, "5000 digits, more than 4300"),
            (b"{", (128 << 20) + 1, "134217729 bytes, more than the 134217728"),
            (b'{"a":[' + b"1," * (4 << 20) + b"1]}", None, "more than 4194304 values"),
            (b'{"a":[' + b"{}," * (513 << 10) + b"1]}", None, "more than 524288 objects"),
        ):
            self.refused("config", self.file("adapter_config.json", contents, size), said)

    def test_pickles(self):
        deep = b"\x80\x02" + b"]" * 1100 + b"a" * 1099 + b"."
        self.refused("inspect", self.pickle(deep), "nested too deeply, more than 1000 levels")
        waiting = b"\x80\x02" + b"N" * (MIB + 8192) + b"."
        self.refused("inspect", self.pickle(waiting), "1048576 items waiting")
        text = b"\x80\x02X" + struct.pack("<I", 17 * MIB) + b"a" * (17 * MIB) + b"."
        self.refused("inspect", self.pickle(text, zipfile.ZIP_DEFLATED), "more than the 16777216 supported")

    def test_arrays(self):
        path = self.file("a.npy", npy(b"{" + b" " * 70_000))
        self.refused("inspect", path, "70001 bytes, more than the 65536 allowed")
        shape = b"{'descr':'<f4','fortran_order':False,'shape':(" + b"1," * 65 + b"), }\n"
        self.refused("inspect", self.file("a.npy", npy(shape) + b"abcd"), "more than 64 dimensions")

    def test_gguf(self):
        array = struct.pack("<IQ", 9, 1)
        nested = name(b"a") + struct.pack("<I", 9) + array * 10 + struct.pack("<IQ", 0, 1) + b"x"
        self.refused("inspect", self.file("a.gguf", gguf(nested, 0, 1)), "nested more than 8 deep")
        five = name(b"a") + struct.pack("<I5QIQ", 5, 1, 1, 1, 1, 1, 0, 0)
        self.refused("inspect", self.file("a.gguf", gguf(five, 1)), "5 dimensions, and GGUF allows 4")
        self.refused("inspect", self.file("a.gguf", gguf(b"", 0, 1 << 40)), "1099511627776 keys")

    def test_expressions(self):
        """An expression that backtracks without end elsewhere is matched in linear time, and has a limit."""
        names = ["a" * 2000 + str(number) for number in range(200)]
        header = {key: {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for key in names}
        path = self.file("a.safetensors", safetensors(json.dumps(header).encode()))
        for pattern in ("(a*)*b=x", "(a|aa)+$=x", "(a|b|ab)*c=x"):
            start = time.monotonic()
            run = peftkit("convert", path, self.scratch / "o.safetensors", "--rename", pattern, "--force", "--no-sync")
            self.assertLess(time.monotonic() - start, SECONDS, pattern)
            self.assertIn(run.code, (0, 2), run)
        slow = "(" + "(a?)" * 200 + ")*b=x"
        run = peftkit("convert", path, self.scratch / "o.safetensors", "--rename", slow, "--force", "--no-sync")
        self.assertEqual(run.code, 2, run)
        self.assertIn("steps", run.stderr)
