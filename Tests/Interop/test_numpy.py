# SPDX-License-Identifier: Apache-2.0
"""NumPy's files, read and written: against real numpy.

What numpy saved must be seen as it is, what peftkit writes must load in numpy and be what numpy writes, and nothing in a
file may run.
"""

import functools
import io
import os
import pickle
import unittest
import warnings
import zipfile

import numpy as np
from safetensors.numpy import load_file, save_file

from support import HOSTILE, InteropTest, peak_memory, peftkit, refusal_problem

QUIET = "--no-sync"
DTYPES = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32",
    "uint32": "U32", "int64": "I64", "uint64": "U64", "float16": "F16", "float32": "F32",
    "float64": "F64", "complex64": "C64",
}
# What the safetensors library for NumPy has.
PORTABLE = [name for name in DTYPES if name != "complex64"]


@functools.cache
def can_write():
    """Whether this peftkit converts to NumPy's formats."""
    return "npz" in peftkit("convert", "--help").stdout.decode()


class NumPyTest(InteropTest):
    def array(self, names=tuple(DTYPES)):
        """An array of any dtype, shape, order and byte order, of random bits."""
        dtype = np.dtype(self.random.choice(names))
        shape = tuple(self.random.choice([0, 1, 1, 2, 3, 7, 30]) for _ in range(self.random.randrange(5)))
        count = int(np.prod(shape))
        bits = np.frombuffer(self.random.randbytes(count * dtype.itemsize), np.uint8)
        if dtype == np.bool_:
            bits = bits & 1
        array = np.frombuffer(bits.tobytes(), dtype).reshape(shape)
        if self.random.random() < 0.4:
            array = np.asfortranarray(array)
        if self.random.random() < 0.3:
            array = array.astype(dtype.newbyteorder(">"), order="K")
        return array

    def arrays(self, names=tuple(DTYPES)):
        keys = ["w", "layer.0/weight", "größe", "A", "a", "x y", "base_model.model.lora_A.weight", "n" * 300]
        return {key: self.array(names) for key in self.random.sample(keys, self.random.randrange(1, len(keys)))}


def facts(name, array):
    return {
        "name": name, "dtype": DTYPES[array.dtype.newbyteorder("=").name], "shape": list(array.shape),
        "byte_count": array.nbytes, "data_offsets": None,
    }


def plain(array):
    """The bits, row-major and little endian."""
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()


class InspectTests(NumPyTest):
    def inspected_problem(self, path, format, expected):
        run = peftkit("inspect", path, "--json")
        if run.code != 0:
            return str(run)
        found = run.json()
        if found["format"] != format:
            return f"{path.name}: format {found['format']}"
        if found["tensors"] != expected:
            return f"{path.name}: {found['tensors']} is not {expected}"
        return None

    def test_arrays(self):
        """Every dtype, order and version is seen as it is."""
        cases = []
        for number in range(60):
            array = self.array()
            path = self.scratch / f"a{number}.npy"
            version = self.random.choice([None, (1, 0), (2, 0), (3, 0)])
            with path.open("wb") as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                np.lib.format.write_array(file, array, version=version)
            cases.append((path, [facts(f"a{number}", array)]))
        self.check_all(cases, lambda case: self.inspected_problem(case[0], "npy", case[1]))

    def test_archives(self):
        """What savez and savez_compressed wrote, whatever the file is called."""
        cases = []
        for number in range(40):
            arrays = self.arrays()
            path = self.scratch / f"{number}.npz"
            self.random.choice([np.savez, np.savez_compressed])(path, **arrays)
            if number % 4 == 0:
                path = path.rename(self.scratch / f"{number}.bin")
            cases.append((path, [facts(key, value) for key, value in arrays.items()]))
        self.check_all(cases, lambda case: self.inspected_problem(case[0], "npz", case[1]))

    def test_objects(self):
        """A pickle in an array is refused and does not run."""
        witness = self.scratch / "ran"

        class Payload:
            def __reduce__(self):
                return HOSTILE.run, (str(witness),)

        objects = np.array([Payload()], dtype=object)
        single, archive = self.scratch / "o.npy", self.scratch / "o.npz"
        np.save(single, objects, allow_pickle=True)
        np.savez(archive, weight=np.zeros(3, "f4"), evil=objects)
        for path in (single, archive):
            for run in (peftkit("inspect", path), peftkit("convert", path, self.scratch / "o.safetensors", QUIET)):
                self.assertIsNone(refusal_problem(run, path))
                self.assertIn("nothing was executed", run.stderr)
        self.assertFalse(witness.exists())
        # Python does run it.
        np.load(single, allow_pickle=True)
        self.assertTrue(witness.exists())

    def test_damage(self):
        """Files that are damaged are refused, or are what numpy takes them for."""
        original = io.BytesIO()
        np.savez(original, a=np.arange(6, dtype="f4").reshape(2, 3), b=np.asfortranarray(np.ones((3, 2))))
        single = io.BytesIO()
        np.save(single, np.arange(6, dtype="f4").reshape(2, 3))
        cases = []
        for number in range(150):
            source, suffix = (original, "npz") if number % 2 else (single, "npy")
            content = bytearray(source.getvalue())
            for _ in range(self.random.randrange(1, 4)):
                content[self.random.randrange(min(len(content), 400))] = self.random.randrange(256)
            path = self.scratch / f"d{number}.{suffix}"
            path.write_bytes(content)
            cases.append(path)
        self.check_all(cases, self.damage_problem)

    def damage_problem(self, path):
        run = peftkit("inspect", path, "--json")
        if run.code == 2:
            return refusal_problem(run, path)
        if run.code != 0:
            return str(run)
        if path.suffix == ".npz":
            return None  # the data's checksum is for those who read it
        tensor = run.json()["tensors"][0]
        try:
            theirs = np.load(path)
        except ValueError as error:
            return f"{path.name}: read, while numpy says {error}"
        expected = facts(path.stem, theirs) if theirs.dtype.name in DTYPES else None
        return None if expected in (None, tensor) else f"{path.name}: {tensor} is not {expected}"


class MemoryTests(NumPyTest):
    def test_what_expands_is_not_held(self):
        """A file of half a megabyte with 400 MB of zeros is judged and compared in little memory."""
        path, other = self.scratch / "a.npz", self.scratch / "b.npz"
        zeros = np.zeros(100_000_000, "f4")
        np.savez_compressed(path, x=zeros)
        zeros[-1] = np.inf
        np.savez_compressed(other, x=zeros)
        for arguments in [("validate", other), ("diff", path, other)]:
            code, peak, errors = peak_memory(*arguments)
            self.assertEqual(code, 1, errors)
            self.assertLess(peak, 64 << 20, arguments[0])


class ReadingTests(NumPyTest):
    def test_to_safetensors(self):
        """What numpy saved comes out to the last bit."""
        for number in range(20):
            arrays = self.arrays(PORTABLE)
            source, target = self.scratch / f"{number}.npz", self.scratch / f"{number}.safetensors"
            self.random.choice([np.savez, np.savez_compressed])(source, **arrays)
            self.assert_code(peftkit("convert", source, target, QUIET), 0)
            found = load_file(target)
            self.assertEqual(set(found), set(arrays))
            for key, array in arrays.items():
                self.assertEqual(facts(key, found[key]), facts(key, array))
                self.assertEqual(found[key].tobytes(), plain(array), key)


@unittest.skipUnless(can_write(), "this peftkit does not convert to NumPy's formats")
class WritingTests(NumPyTest):
    def check(self, run):
        self.assert_code(run, 0)

    def test_to_npz(self):
        """What peftkit writes loads in numpy, to the last bit, stored and compressed."""
        for number in range(20):
            arrays = {key: np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"))
                      for key, value in self.arrays(PORTABLE).items()}
            source = self.scratch / f"{number}.safetensors"
            save_file(arrays, source)
            for options in ([], ["--compress"]):
                target = self.scratch / f"{number}{len(options)}.npz"
                self.check(peftkit("convert", source, target, QUIET, *options))
                with zipfile.ZipFile(target) as archive:
                    self.assertIsNone(archive.testzip())
                    methods = {info.compress_type for info in archive.infolist()}
                self.assertEqual(methods, {zipfile.ZIP_DEFLATED if options else zipfile.ZIP_STORED})
                with np.load(target) as found:
                    self.assertEqual(set(found.files), set(arrays))
                    for key, array in arrays.items():
                        self.assertEqual(found[key].dtype, array.dtype)
                        self.assertEqual(found[key].shape, array.shape)
                        self.assertEqual(found[key].tobytes(), array.tobytes(), key)

    def test_to_npy(self):
        """A single tensor becomes the bytes that numpy.save writes."""
        for number in range(20):
            array = self.array(PORTABLE)
            array = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).reshape(array.shape)
            source, target = self.scratch / f"{number}.safetensors", self.scratch / f"{number}.npy"
            save_file({"x": array}, source)
            self.check(peftkit("convert", source, target, "--to", "npy", QUIET))
            expected = io.BytesIO()
            np.save(expected, array)
            self.assertEqual(target.read_bytes(), expected.getvalue())

    def test_several_tensors_are_no_array(self):
        source, target = self.scratch / "two.safetensors", self.scratch / "two.npy"
        save_file({"x": np.zeros(1, "f4"), "y": np.zeros(1, "f4")}, source)
        self.assert_refused(peftkit("convert", source, target, "--to", "npy", QUIET))
        self.assertFalse(target.exists())

    def test_round_trip(self):
        """npz to safetensors and back is what was there."""
        arrays = {key: np.ascontiguousarray(value) for key, value in self.arrays(PORTABLE).items()}
        first, middle, last = (self.scratch / name for name in ("a.npz", "b.safetensors", "c.npz"))
        np.savez(first, **arrays)
        self.check(peftkit("convert", first, middle, QUIET))
        self.check(peftkit("convert", middle, last, QUIET))
        with np.load(last) as found:
            for key, array in arrays.items():
                self.assertEqual(found[key].tobytes(), plain(array), key)


class Call:
    """An object whose pickle imports and calls."""

    def __reduce__(self):
        return (os.getenv, ("HOME",))


class ScanTests(NumPyTest):
    def scan(self, path):
        run = peftkit("scan", path, "--json")
        self.assertIn(run.code, (0, 1), str(run))
        (file,) = run.json()["files"]
        return file

    def test_other_members(self):
        """numpy gives out the bytes of a member that is no array, and loads one that starts as arrays do."""
        objects = io.BytesIO()
        np.save(objects, np.array([Call()], object))
        members = {
            "readme.txt": (b"hello\n", "data only", 0),
            "folder/": (b"", "data only", 0),
            "data.txt": (bytes(range(256)), "data only", 0),
            "plain": (pickle.dumps([1, 2]), "damaged", 1),
            "call": (pickle.dumps(Call()), "asks for code", 1),
            "objects": (objects.getvalue(), "asks for code", 1),
            "objects.npy": (objects.getvalue(), "asks for code", 1),
        }
        for number, (name, (data, verdict, pickles)) in enumerate(members.items()):
            with self.subTest(name):
                path = self.scratch / f"{number}.npz"
                np.savez(path, w=np.ones(3, np.float32))
                with zipfile.ZipFile(path, "a") as archive:
                    archive.writestr(name, data)
                with np.load(path, allow_pickle=False) as loaded:
                    self.assertTrue((loaded["w"] == 1).all())
                    if name.startswith("objects"):
                        with self.assertRaises(ValueError):
                            loaded[name]
                    elif not name.endswith("/"):
                        self.assertEqual(loaded[name], data)
                file = self.scan(path)
                self.assertEqual((file["format"], file["verdict"]), ("npz", verdict))
                self.assertEqual(file["pickle_count"], pickles)

    def test_names_of_two_cases(self):
        path = self.scratch / "cases.npz"
        np.savez(path, w=np.ones(3), W=np.ones(2))
        file = self.scan(path)
        self.assertEqual((file["format"], file["verdict"]), ("npz", "data only"))


if __name__ == "__main__":
    unittest.main()
