# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that contain more than tensors: whole modules, hyperparameters, objects of any class.

What peftkit reads of a module must be its `state_dict()`. What it reads of other objects is compared with an
unpickler that makes inert objects too, written here on `pickle.Unpickler`.
"""

import collections
import io
import pickle
import types
import warnings
import zipfile

import numpy
import torch
from module_cases import custom, hyper_parameters, modules
from support import InteropTest, peftkit
from test_torch import QUIET, save
from torch_cases import difference, facts_in_safetensors, facts_of
from torch import nn


class Inert:
    """What a class or function of a pickle makes here: nothing but a record of it."""

    def __new__(cls, *arguments, **keywords):
        made = object.__new__(cls)
        made.__dict__["_arguments"] = arguments
        return made

    def __setstate__(self, state):
        self.__dict__["_state"] = state

    def __setitem__(self, key, value):
        self.__dict__.setdefault("_entries", {})[key] = value

    def append(self, value):
        self.__dict__.setdefault("_items", []).append(value)

    def __call__(self, *arguments):
        return Inert(*arguments)

    def __hash__(self):
        return id(self)


PLAIN = ("collections", "torch", "torch._utils", "torch.storage", "torch._tensor", "torch.serialization", "_codecs")


class InertUnpickler(pickle.Unpickler):
    """Reads a record `data.pkl` of a zip archive, with tensors and without any class of its own."""

    def __init__(self, path):
        self.archive = zipfile.ZipFile(path)
        record = next(name for name in self.archive.namelist() if name.endswith("/data.pkl"))
        self.folder = record.removesuffix("data.pkl")
        super().__init__(io.BytesIO(self.archive.read(record)))

    def find_class(self, module, name):
        if module in PLAIN and not name.startswith(("_load", "Generator")):
            return super().find_class(module, name)
        if (module, name) in [("builtins", "set"), ("torch.nn.parameter", "Parameter")]:
            return super().find_class(module, name)
        return type(name, (Inert,), {"__module__": module})

    def persistent_load(self, saved):
        _, kind, key, _, count = saved
        size = count * torch._utils._element_size(kind.dtype) if hasattr(kind, "dtype") else count
        storage = torch.UntypedStorage.from_buffer(
            bytearray(self.archive.read(f"{self.folder}data/{key}")), byte_order="little", dtype=torch.uint8
        ) if size else torch.UntypedStorage(0)  # fmt: skip
        return torch.storage.TypedStorage(wrap_storage=storage, dtype=kind.dtype, _internal=True)


def inert_tensors(value):
    """Tensors by the keys, indexes and attributes on the way to each, an object's once."""
    found, seen = {}, set()

    def visit(value, path):
        if isinstance(value, torch.Tensor):
            found[".".join(path) or "tensor"] = value
        elif isinstance(value, Inert):
            if id(value) in seen:
                return
            seen.add(id(value))
            parts = value.__dict__
            for part in [parts.get("_arguments"), parts.get("_items"), parts.get("_entries"), parts.get("_state")]:
                if isinstance(part, (dict, list, tuple)):
                    visit(part, path)
        elif isinstance(value, (dict, list, tuple)):
            for key, part in value.items() if isinstance(value, dict) else enumerate(value):
                visit(part, [*path, str(key)])

    visit(value, [])
    return found


def told(notes):
    """The notes on the file itself, rather than on what is left out."""
    return [note for note in notes if "left out" not in note]


class ObjectsTest(InteropTest):
    def convert(self, path, *options):
        """The facts of what `convert` makes of a file, and its notes."""
        target = path.with_suffix(".safetensors")
        run = peftkit("convert", path, target, "--force", "--allow-empty", QUIET, *options)
        self.assert_code(run, 0)
        return facts_in_safetensors(target.read_bytes()), run.stderr.splitlines()

    def assert_tensors(self, found, tensors, what):
        self.assertIsNone(difference(found, {name: facts_of(tensor) for name, tensor in tensors.items()}), what)


class ModuleTests(ObjectsTest):
    def test_names_and_bytes_are_those_of_the_state_dict(self):
        cases = modules()
        self.assertGreaterEqual(len(cases), 30)
        for name, module in cases.items():
            for is_zip in [True, False]:
                for protocol in [2, 4]:
                    path = self.scratch / f"{name}.pt"
                    save(module, path, _use_new_zipfile_serialization=is_zip, pickle_protocol=protocol)
                    found, notes = self.convert(path)
                    self.assert_tensors(found, module.state_dict(), name)
                    self.assertTrue(told(notes)[0].startswith("note: read without running "), notes)
                    self.assertFalse([note for note in notes if "left out: " in note and "attributes of modules" not in note])
            self.assert_code(peftkit("scan", path), 1)
            self.assert_code(peftkit("inspect", "--strict-pickle", path), 2)
            self.assert_code(peftkit("diff", "--strict-pickle", path, path), 2)
            self.assert_code(peftkit("diff", path, path.with_suffix(".safetensors")), 0)

    def test_in_a_checkpoint(self):
        """A module among other values, twice and with an optimizer, as YOLO and others save it."""
        model = nn.Sequential(custom().Plain(), nn.LSTM(2, 3))
        optimizer = torch.optim.Adam(model.parameters())
        sum(p.sum() for p in model.parameters()).backward()
        optimizer.step()
        checkpoint = {"epoch": 3, "model": model, "ema": model, "optimizer": optimizer.state_dict(), "args": hyper_parameters()}
        path = self.scratch / "best.pt"
        save(checkpoint, path)
        found, notes = self.convert(path)
        expected = {f"{key}.{name}": value for key in ["model", "ema"] for name, value in model.state_dict().items()}
        for number, state in optimizer.state_dict()["state"].items():
            expected |= {f"optimizer.state.{number}.{key}": value for key, value in state.items()}
        self.assert_tensors(found, expected, "best.pt")

    def test_names_may_differ(self):
        own = custom()
        hooked = nn.Sequential(nn.Linear(2, 2))
        hooked[0]._register_state_dict_hook(own.hook)
        quantized = torch.ao.nn.quantized.Linear(2, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dynamic = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(2, 3)), {nn.Linear})
        cases = {
            "hooks": (hooked, "names may differ from those of state_dict(): 0 with state-dict hooks"),
            "extra": (own.Extra(), f"unless the code of {own.__name__}.Extra changes them"),
            "quantized": (quantized, "with packed parameters"),
            "dynamic": (dynamic, "with packed parameters"),
        }  # fmt: skip
        for name, (module, said) in cases.items():
            with self.subTest(name):
                path = self.scratch / f"{name}.pt"
                save(module, path)
                found, notes = self.convert(path, "--skip-unsupported")
                self.assertTrue([note for note in notes if said in note], notes)
                state = module.state_dict()
                plain = {n: t for n, t in state.items() if isinstance(t, torch.Tensor) and not t.is_quantized}
                if name in ["hooks", "extra"]:
                    self.assert_tensors(found, plain, name)

    def test_attributes_of_modules_are_told(self):
        module = custom().Plain()
        path = self.scratch / "plain.pt"
        save(module, path)
        _, notes = self.convert(path)
        told = "note: left out: 2 tensors in attributes of modules; only parameters and persistent buffers are in state_dict()"
        self.assertIn(told, notes)


class PlainDataTests(ObjectsTest):
    def test_is_read_without_a_word(self):
        tensors = {"state_dict": nn.Linear(2, 3).state_dict()}
        for name, value in hyper_parameters().items():
            for protocol in [2, 3, 4, 5]:
                for is_zip in [True, False]:
                    with self.subTest(name, protocol=protocol, is_zip=is_zip):
                        path = self.scratch / f"{name}.ckpt"
                        save({**tensors, "hyper_parameters": value}, path, pickle_protocol=protocol,
                             _use_new_zipfile_serialization=is_zip)  # fmt: skip
                        found, notes = self.convert(path, "--include", "state_dict.*")
                        expected = {f"state_dict.{key}": tensor for key, tensor in tensors["state_dict"].items()}
                        self.assert_tensors(found, expected, name)
                        self.assertFalse([note for note in notes if "left out" not in note], notes)
                        run = peftkit("scan", path)
                        self.assertEqual(run.code, 0, run.stdout.decode())
                        self.assert_code(peftkit("inspect", "--strict-pickle", path), 0)

    def test_arrays_become_tensors(self):
        arrays = {
            "f4": numpy.arange(6, dtype="f4").reshape(2, 3),
            "fortran": numpy.asfortranarray(numpy.arange(6, dtype="f8").reshape(2, 3)),
            "turned": numpy.arange(6, dtype="i4").reshape(2, 3).T,
            "big": numpy.arange(5, dtype=">f4"),
            "big-i8": numpy.arange(5, dtype=">i8").reshape(5, 1),
            "scalar-like": numpy.array(3.5, dtype="f2"),
            "empty": numpy.zeros((0, 3), dtype="u1"),
            "bool": numpy.array([True, False]),
            "complex": numpy.array([1 + 2j], dtype="c8"),
            "high": numpy.arange(250, 260, dtype="u2"),
            "u4": numpy.arange(3, dtype="u4"), "i1": numpy.array([-1], dtype="i1"), "u8": numpy.arange(3, dtype="u8"),
        }  # fmt: skip
        expected = {}
        for name, array in arrays.items():
            native = numpy.ascontiguousarray(array.astype(array.dtype.newbyteorder("=")))
            expected[name] = torch.from_numpy(native.reshape(array.shape).copy())
        for protocol in [2, 3, 4, 5]:
            for is_zip in [True, False]:
                path = self.scratch / "arrays.pt"
                save({**arrays, "w": torch.ones(2)}, path, pickle_protocol=protocol, _use_new_zipfile_serialization=is_zip)
                found, notes = self.convert(path)
                self.assert_tensors(found, {**expected, "w": torch.ones(2)}, f"protocol {protocol}")
                self.assertEqual(notes, [])
                self.assert_code(peftkit("scan", path), 0)

    def test_other_arrays_are_left_out(self):
        path = self.scratch / "others.pt"
        save({"w": torch.ones(1), "text": numpy.array(["a", "b"]), "time": numpy.array(["2024-01-01"], dtype="M8[D]"),
              "object": numpy.array([1, None], dtype=object)}, path)  # fmt: skip
        found, notes = self.convert(path)
        self.assert_tensors(found, {"w": torch.ones(1)}, "others")
        self.assertEqual(
            notes, ["note: left out: 3 values: text, time, object (NumPy array of other elements than numbers)"])


class Config:
    """An object of a class that nothing knows."""


class Slotted:
    __slots__ = ("left", "right")


class Entries(dict):
    """A dict with attributes."""


class Items(list):
    pass


Pair = collections.namedtuple("Pair", ["a", "b"])


def decoded(tensor):
    return tensor * 2


class Made:
    def __reduce__(self):
        return decoded, (torch.full((2,), 7.0),)


class ObjectTests(ObjectsTest):
    def objects(self):
        plain, slotted, loop = Config(), Slotted(), Config()
        plain.weight, plain.inner = torch.ones(2), {"bias": torch.zeros(3), "text": "x"}
        slotted.left, slotted.right = torch.ones(1), 5
        loop.me, loop.friend, loop.w = loop, [Config()], torch.full((2,), 3.0)
        loop.friend[0].back, loop.friend[0].w = loop, torch.full((1,), 4.0)
        entries, items = Entries(a=torch.ones(3)), Items([torch.ones(1), torch.zeros(2)])
        entries.extra = torch.full((1,), 9.0)
        return {
            "plain": plain, "slots": slotted, "loop": loop, "entries": entries, "items": items,
            "pair": Pair(torch.ones(2), [torch.zeros(1)]), "made": Made(),
            "function": {"f": decoded, "t": torch.ones(1)},
        }  # fmt: skip

    def test_names_are_attributes(self):
        """As an unpickler with inert objects finds them; slots are named as attributes are."""
        for name, value in self.objects().items():
            for protocol in [2, 4]:
                with self.subTest(name, protocol=protocol):
                    path = self.scratch / f"{name}.pt"
                    save({"state": value, "w": torch.full((2,), 5.0)}, path, pickle_protocol=protocol)
                    found, notes = self.convert(path)
                    expected = inert_tensors(InertUnpickler(path).load())
                    expected = {key.replace("slots.1.", "slots."): tensor for key, tensor in expected.items()}
                    if name == "slots":
                        expected = {"state.left": torch.ones(1), "w": torch.full((2,), 5.0)}
                    self.assertGreater(len(expected), 1)
                    self.assert_tensors(found, expected, name)
                    self.assertTrue(told(notes)[0].startswith("note: read without running test_objects."), notes)
                    self.assert_code(peftkit("scan", path), 1)
                    self.assert_code(peftkit("convert", path, self.scratch / "no.safetensors", "--strict-pickle"), 2)
                    self.assertFalse((self.scratch / "no.safetensors").exists())

    def test_where_bytes_are_uncertain(self):
        """A parameter that only code makes is not guessed."""
        module = nn.Linear(2, 2)
        module._parameters["weight"] = Made()
        path = self.scratch / "uncertain.pt"
        save(module, path)
        run = peftkit("convert", path, self.scratch / "out.safetensors", QUIET)
        self.assert_code(run, 2)
        self.assertIn("weight", run.stderr)
        found, _ = self.convert(path, "--skip-unsupported")
        self.assert_tensors(found, {"bias": module.bias}, "uncertain")

    def test_subclasses_of_tensors(self):
        """The class of a tensor does not change its bytes."""

        class Tagged(torch.Tensor):
            pass

        Tagged.__module__, Tagged.__qualname__ = __name__, "Tagged"
        globals()["Tagged"] = Tagged
        tensor = torch.arange(4.0).as_subclass(Tagged)
        path = self.scratch / "subclass.pt"
        save({"t": tensor, "p": nn.Parameter(torch.ones(2))}, path)
        found, _ = self.convert(path)
        self.assert_tensors(found, {"t": tensor.as_subclass(torch.Tensor), "p": torch.ones(2)}, "subclass")

    def test_lightning(self):
        """A checkpoint as Lightning writes it, with hyperparameters of many classes."""
        module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        config = Config()
        config.name = "x"
        checkpoint = {
            "epoch": 1, "global_step": 10, "pytorch-lightning_version": "2.0",
            "state_dict": module.state_dict(), "loops": {"fit_loop": {"state_dict": {}}},
            "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
            "optimizer_states": [torch.optim.SGD(module.parameters(), lr=0.1).state_dict()],
            "hparams_name": "kwargs", "hyper_parameters": {**hyper_parameters(), "config": config},
        }  # fmt: skip
        path = self.scratch / "last.ckpt"
        save(checkpoint, path)
        found, notes = self.convert(path)
        expected = {f"state_dict.{name}": tensor for name, tensor in module.state_dict().items()}
        expected["callbacks.ModelCheckpoint{'monitor': None}.best_model_score"] = torch.tensor(0.5)
        self.assert_tensors(found, expected, "lightning")
        self.assertEqual(told(notes)[0], "note: read without running test_objects.Config, which Python would run to load this file")
