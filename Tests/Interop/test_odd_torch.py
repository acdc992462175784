# SPDX-License-Identifier: Apache-2.0
"""Old and odd files of torch, and large ones that hold more than tensors."""

import argparse
import collections
import random
import struct
import time
import warnings
import zipfile

import numpy
import torch
from module_cases import custom
from support import InteropTest, peak_memory, peftkit
from test_objects import ObjectsTest
from test_torch import QUIET, save
from torch import nn

MEMORY_LIMIT = 64 << 20


class Adds(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, value):
        return self.layer(value) + torch.tensor([1.0, 2.0, 3.0])


def rewritten(source, target, change):
    """A copy of a zip archive in which `change` has changed the pickle; checksums are made again."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name.endswith("/data.pkl") else content)


class ScriptTests(ObjectsTest):
    def test_recurrent_weights_are_written_once(self):
        for number, module in enumerate([nn.LSTM(2, 3, 2), nn.GRU(2, 3, bidirectional=True)]):
            path = self.scratch / f"recurrent-{number}.pt"
            torch.jit.save(torch.jit.script(nn.Sequential(module) if number else module), path)
            prefix = "0." if number else ""
            found, _ = self.convert(path)
            self.assert_tensors(found, {prefix + name: value for name, value in module.state_dict().items()}, path)

    def test_constants_of_the_program(self):
        module = Adds().eval()
        path = self.scratch / "script.pt"
        torch.jit.save(torch.jit.script(module), path)
        found, notes = self.convert(path)
        self.assert_tensors(found, module.state_dict(), "script")
        self.assertFalse([note for note in notes if "CONSTANTS" in note], notes)
        frozen = torch.jit.freeze(torch.jit.script(module))
        path = self.scratch / "frozen.pt"
        torch.jit.save(frozen, path)
        found, notes = self.convert(path)
        constants = [module.layer.weight, module.layer.bias, torch.tensor([1.0, 2.0, 3.0])]
        self.assertEqual(sorted(found), ["CONSTANTS.c0", "CONSTANTS.c1", "CONSTANTS.c2"])
        expected = sorted(bytes(value.detach().numpy().tobytes()) for value in constants)
        self.assertEqual(sorted(facts[2] for facts in found.values()), expected)
        told = "note: 3 constants belong to the program and not to the module: CONSTANTS.c0 to CONSTANTS.c2"
        self.assertIn(told, notes)

    def test_extra_files_and_bytecode(self):
        """The scan knows these records; the program is the only finding."""
        path = self.scratch / "extra.pt"
        torch.jit.save(torch.jit.script(Adds()), path, _extra_files={"a/b.txt": b"text"})
        lite = self.scratch / "lite.ptl"
        torch.jit.script(Adds())._save_for_lite_interpreter(str(lite))
        for file in [path, lite]:
            findings = peftkit("scan", "--json", file).json()["files"][0]["findings"]
            self.assertEqual([finding["code"] for finding in findings], ["program"])

    def test_six_fields(self):
        """The first versions of TorchScript wrote None as a sixth field of persistent ids."""
        module = Adds()
        path, old = self.scratch / "script.pt", self.scratch / "old.pt"
        torch.jit.save(torch.jit.script(module), path)

        def change(content):
            # The last of the fields is the number of elements: K n, and t.
            for count in [6, 3]:
                field = b"K" + bytes([count]) + b"tQ"
                self.assertIn(field, content)
                content = content.replace(field, b"K" + bytes([count]) + b"NtQ")
            return content

        rewritten(path, old, change)
        found, _ = self.convert(old)
        self.assert_tensors(found, module.state_dict(), "six fields")
        codes = {finding["code"] for finding in peftkit("scan", "--json", old).json()["files"][0]["findings"]}
        self.assertLessEqual(codes, {"program"})

    def test_package(self):
        path = self.scratch / "package.pt"
        with torch.package.PackageExporter(path) as exporter:
            exporter.extern("**")
            exporter.save_pickle("model", "model.pkl", nn.Linear(2, 2))
        run = peftkit("inspect", path)
        self.assert_refused(run, path)
        self.assertIn("is a torch.package", run.stderr)
        self.assertIn("is a torch.package", peftkit("scan", path).stdout.decode())

    def test_skipped_data(self):
        path = self.scratch / "skipped.pt"
        with torch.serialization.skip_data():
            torch.save(nn.Linear(2, 2).state_dict(), path)
        self.assertIn("saved without data", peftkit("inspect", path).stdout.decode())
        run = peftkit("convert", path, self.scratch / "out.safetensors", QUIET)
        self.assert_refused(run, path)
        self.assertIn("without its data", run.stderr)

    def test_filled_data(self):
        """Data that was written where `skip_data` left room is read, without checksums, as torch does."""
        path = self.scratch / "filled.pt"
        with torch.serialization.skip_data():
            torch.save({"a": torch.ones(50, 3), "b": torch.zeros(7)}, path)
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo("filled/data/0")
        with open(path, "r+b") as file:
            file.seek(entry.header_offset + 26)
            lengths = struct.unpack("<HH", file.read(4))
            file.seek(entry.header_offset + 30 + sum(lengths))
            file.write(struct.pack("<150f", *range(150)))
        expected = torch.load(path, weights_only=True)
        self.assertEqual(expected["a"].flatten().tolist(), list(range(150)))
        found, _ = self.convert(path)
        self.assert_tensors(found, expected, "filled")
        self.assertEqual(peftkit("scan", path).code, 0)
        self.assertEqual(peftkit("validate", path).code, 0)

    def test_comment_of_the_archive(self):
        path = self.scratch / "comment.pt"
        torch.save({"a": torch.ones(2)}, path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = b"a comment"
        found, _ = self.convert(path)
        self.assert_tensors(found, torch.load(path, weights_only=True), "comment")
        run = peftkit("scan", path)
        self.assertEqual(run.code, 1)
        self.assertIn("9 bytes of comment follow the zip archive", run.stdout.decode())

    def test_what_weights_only_refuses(self):
        """`validate` has an error for what torch does not load with weights_only, and only for that."""
        values = {
            "plain": 1, "text": "x", "bytes": b"x", "set": {1, 2}, "frozenset": frozenset([1]), "tuple": (1, (2,)),
            "long": 1 << 40, "longer": 1 << 3000, "float": 0.5, "complex": 1j, "bytearray": bytearray(b"x"),
            "ordered": collections.OrderedDict(a=1), "counter": collections.Counter("aab"),
            "defaultdict": collections.defaultdict(list), "numpy": numpy.ones(2), "scalar": numpy.float64(1),
            "namespace": argparse.Namespace(a=1), "size": torch.Size([1, 2]), "dtype": torch.float16,
            "device": torch.device("cpu"), "parameter": nn.Parameter(torch.ones(2)), "range": range(3),
            "sparse": torch.ones(2, 2).to_sparse(), "csr": torch.ones(2, 2).to_sparse_csr(), "buffer": nn.Buffer(torch.ones(1)),
            "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "text of 300": "x" * 300,
        }  # fmt: skip
        refused = 0
        for is_zip in (True, False):
            for protocol in (2, 3, 4, 5):
                for name, value in values.items():
                    path = self.scratch / f"{name}-{protocol}-{is_zip}.bin"
                    save({"w": torch.ones(2), "value": value}, path, pickle_protocol=protocol,
                         _use_new_zipfile_serialization=is_zip)  # fmt: skip
                    try:
                        with warnings.catch_warnings():
                            warnings.simplefilter("ignore")
                            torch.load(path, weights_only=True)
                        loads = True
                    except Exception:
                        loads = False
                    refused += not loads
                    run = peftkit("validate", path, "--json")
                    codes = [finding["code"] for finding in run.json()["findings"]] if run.stdout else [run.stderr]
                    self.assertEqual("weights-only" not in codes, loads, f"{path.name}: {codes}")
        self.assertGreater(refused, 100)


class SizeTests(InteropTest):
    """Honest files that are large in other ways than their tensors."""

    def check(self, name, value, *said, limit=MEMORY_LIMIT):
        path = self.scratch / "large.pt"
        save(value, path)
        target = self.scratch / "large.safetensors"
        code, peak, errors = peak_memory("convert", path, target, "--force", QUIET)
        self.assertEqual(code, 0, errors[:500])
        for text in said:
            self.assertIn(text, errors[:5000], name)
        self.assertLessEqual(peak, limit, name)
        run = peftkit("scan", path)
        self.assertEqual(run.code, 0, run.stdout.decode()[-500:])
        return path

    def test_ten_million_numbers(self):
        rng = random.Random(1)
        numbers = [rng.randrange(256) for _ in range(10_000_000)]
        self.check("ints", {"w": torch.ones(2), "history": numbers}, "history was left out: it is a list of 10000000 ints")

    def test_ten_million_floats(self):
        """The pickle has 90 MB."""
        numbers = [0.5] * 10_000_000
        self.check("floats", {"w": torch.ones(2), "history": numbers}, "list of 10000000 floats")

    def test_a_hundred_thousand_names(self):
        tensor = torch.ones(2)
        self.check("names", {f"name.{number}": tensor for number in range(100_000)}, limit=96 << 20)

    def test_a_million_entries(self):
        self.check("numbers", {"w": torch.ones(2), "d": dict.fromkeys(range(1_000_000), 0.5)}, "d was left out: it is a dict of 1000000 floats")
        self.check("names", {"w": torch.ones(2), "d": {f"key{n}": n for n in range(1_000_000)}}, "dict of 1000000 ints")

    def test_numbers_among_tensors(self):
        path = self.check("mixed", {"list": [*range(70000), torch.ones(2), *range(3000), torch.zeros(1)]})
        names = [tensor["name"] for tensor in peftkit("inspect", "--json", path).json()["tensors"]]
        self.assertEqual(names, ["list.70000", "list.73001"])

    def test_many_skipped_values_are_read_fast(self):
        """Faster than torch in a process that is warm."""
        value = {"w": torch.ones(2), "log": [{"loss": number * 0.5, "step": number} for number in range(50_000)]}
        path = self.check("log", value, "log was left out: it is a list of 50000 values")
        ours = min(self.seconds(lambda: peftkit("inspect", path)) for _ in range(3))
        theirs = min(self.seconds(lambda: torch.load(path)) for _ in range(3))
        print(f"[{theirs / ours:.1f} x] ", end="", flush=True)
        self.assertLess(ours, theirs)

    @staticmethod
    def seconds(action):
        start = time.perf_counter()
        action()
        return time.perf_counter() - start


class OwnModuleTests(ObjectsTest):
    def test_cycles_through_tuples(self):
        """Python writes POP for an object that is inside its own tuple."""
        module = custom().Plain()
        module.__dict__["owner"] = (module, [module])
        for protocol in [2, 4]:
            path = self.scratch / "cycle.pt"
            save(module, path, pickle_protocol=protocol)
            found, _ = self.convert(path)
            self.assert_tensors(found, module.state_dict(), "cycle")
