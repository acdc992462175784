# SPDX-License-Identifier: Apache-2.0
"""Torch checkpoints, read and written: against real torch, PEFT and the reference safetensors.

What torch saved must come out to the last bit, what peftkit writes must be what torch writes,
and nothing in a file may run.
"""

import contextlib
import functools
import io
import pickle
import shutil
import sys
import warnings

import torch
from support import FIXTURES, HOSTILE, InteropTest, peak_memory, peftkit, refusal_problem
from test_roundtrip import CONFIG, WEIGHTS, files_below, header_pairs, working_directory
from torch_cases import (
    DTYPES,
    OF_LAYOUT,
    PLAIN,
    data_of,
    difference,
    facts_in_safetensors,
    facts_of,
    flattened,
    plain_tensor,
    random_document,
    random_plain_dict,
    safetensors_bytes,
    tensors_of,
)

RANDOM_FILES = 340
PLAIN_DICTS = 40  # in each layout
DAMAGED_FILES = 360
BIN_WEIGHTS = "adapter_model.bin"
MEMORY_LIMIT = 64 << 20
QUIET = "--no-sync"


def save(value, target, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, target, **options)


def saved(value, **options):
    buffer = io.BytesIO()
    save(value, buffer, **options)
    return buffer.getvalue()


def load(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, **options)


def expected_of(tensors):
    return {name: facts_of(tensor) for name, tensor in tensors.items()}


class TorchTest(InteropTest):
    def target(self, source, suffix):
        """A path for an output, in a directory of its own that shows what is left behind."""
        directory = self.scratch / "out" / source.name
        directory.mkdir(parents=True, exist_ok=True)
        return directory / f"{source.stem}{suffix}"

    def refused_without_trace(self, source, *said, options=()):
        """What is wrong with how `source` is refused, or None."""
        target = self.target(source, ".safetensors")
        run = peftkit("convert", source, target, QUIET, *options)
        problem = refusal_problem(run, source)
        if problem is None and list(target.parent.iterdir()):
            problem = f"{run} left {list(target.parent.iterdir())}"
        for text in said:
            if problem is None and text not in run.stderr:
                problem = f"no {text!r} in {run}"
        return problem


class ReadingTests(TorchTest):
    def test_attributes_are_noted(self):
        """What no tensor holds is told, once for a file: attributes, and more in `_metadata` than versions."""
        tensor, parameter = torch.ones(2), torch.nn.Parameter(torch.ones(3))
        tensor.origin, parameter.tag, parameter.scale = "here", 1, 2.0
        state = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)).state_dict()
        other = torch.nn.Linear(2, 2).state_dict()
        other._metadata[""]["quant"] = "nf4"
        cases = {
            "plain": ({"w": torch.ones(2), "p": torch.nn.Parameter(torch.ones(1))}, []),
            "state": (state, []),
            "one": ({"w": tensor}, ["the Python attributes of w are not read: origin"]),
            "two": ({"p": parameter, "w": tensor, "x": torch.ones(1)},
                    ["the Python attributes of 2 tensors are not read, such as those of p: tag, scale"]),
            "metadata": (other, ["the _metadata of the state dict has more than versions, which is not read"]),
        }  # fmt: skip
        for name, (value, notes) in cases.items():
            path = self.scratch / f"{name}.pt"
            for options in [{}, {"_use_new_zipfile_serialization": False}]:
                save(value, path, **options)
                self.assertEqual(peftkit("inspect", path, "--json").json()["notes"], notes, name)
                run = peftkit("convert", path, self.scratch / f"{name}.safetensors", "--force", QUIET)
                self.assert_code(run, 0)
                self.assertEqual(run.stderr, "".join(f"note: {note}\n" for note in notes), name)

    def test_random_state_dicts(self):
        """Whatever torch saves, in zip and legacy files, by path and buffer, in any protocol."""
        rng, cases = self.random, []
        for number in range(RANDOM_FILES):
            is_legacy = rng.random() < 0.3
            document = random_document(rng, PLAIN if is_legacy else DTYPES)
            path = self.scratch / f"{number}.bin"
            options = {
                "_use_new_zipfile_serialization": not is_legacy,
                "pickle_protocol": rng.choice([2, 2, 2, 3, 4, 5]),
            }
            if rng.random() < 0.5:
                save(document, path, **options)
            else:
                path.write_bytes(saved(document, **options))
            cases.append((path, document, "torch-legacy" if is_legacy else "torch-zip"))
        self.check_all(cases, lambda case: self.reading_problem(*case))

    def reading_problem(self, path, document, expected_format):
        tensors = tensors_of(document)
        expected = expected_of(tensors)
        target = self.target(path, ".safetensors")
        run = peftkit("convert", path, target, QUIET, "--allow-empty")
        if run.code != 0 or run.stdout:
            return f"{run}, {[(name, type(leaf)) for name, leaf in flattened(document)][:20]}"
        content = target.read_bytes()
        problem = difference(facts_in_safetensors(content), expected)
        if problem is None and dict(header_pairs(content))["__metadata__"] != [("format", "pt")]:
            problem = "the metadata is not that of torch"
        return (
            (problem and f"{path.name}: {problem}")
            or self.note_problem(run, document)
            or self.inspection_problem(path, expected, expected_format)
        )

    def note_problem(self, run, document):
        """Each leaf that is no tensor must be told of, in groups."""
        skipped = [name for name, leaf in flattened(document) if not isinstance(leaf, torch.Tensor)]
        # Attributes are noted once for a file, whatever their number.
        lines = [line for line in run.stderr.splitlines() if not line.startswith("note: the Python attributes of ")]
        notes = [line for line in lines if line.startswith("note: ")]
        groups = {}
        for name in skipped:
            word, dot, _ = name.partition(".")
            groups.setdefault(word if dot else None, []).append(name)
        if len(notes) != len(groups) or len(notes) != len(lines):
            return f"{len(notes)} notes for {groups}: {run}"
        for names, note in zip(groups.values(), notes, strict=True):
            shown = names[0] or '""'
            if len(names) > 1:
                told = f"note: left out: {len(names):,} values"
            elif shown.isascii() and shown.isprintable():
                told = f"note: {shown} was left out: "
            else:
                told = "note: "
            if not note.startswith(told):
                return f"{note!r} is not about {names!r}"
        return None

    def inspection_problem(self, path, expected, expected_format):
        run = peftkit("inspect", "--json", path)
        if run.code != 0:
            return str(run)
        found = run.json()
        tensors = [
            (entry["name"], entry["dtype"], entry["shape"], entry["byte_count"])
            for entry in found["tensors"]
        ]
        wanted = [
            (name, dtype, shape, len(data)) for name, (dtype, shape, data) in expected.items()
        ]
        if tensors != wanted:
            return f"{path.name}: inspect lists {tensors[:8]}, not {wanted[:8]}"
        if found["format"] != expected_format or found["tensor_count"] != len(expected):
            return f"{path.name}: {found['format']}, {found['tensor_count']} tensors"
        return None

    def test_every_special_bit_pattern(self):
        """Every value of 16 bits; quiet and signalling NaNs of 32 and 64; lazily negated too."""
        halves = [torch.arange(65536, dtype=torch.int32).to(torch.uint16) for _ in range(2)]
        singles = torch.tensor(
            [0x7F800001, 0x7FC00001, -0x7FFFFF, -1, 0, -(2**31)], dtype=torch.int32
        )
        doubles = torch.tensor([0x7FF0000000000001, -0xFFFFFFFFFFFFF, -1], dtype=torch.int64)
        single, double = singles.view(torch.float32), doubles.view(torch.float64)
        tensors = {
            "f16": halves[0].view(torch.float16),
            "bf16": halves[1].view(torch.bfloat16)[::3],
            "f32": single,
            "-f32": torch._neg_view(single),
            "f64": double,
            "-f64": torch._neg_view(double),
            "c64": single.clone().view(torch.complex64).conj(),
            "imag": single.clone().view(torch.complex64).conj().imag,
        }
        path = self.scratch / "bits.bin"
        save(tensors, path)
        self.assertIsNone(self.reading_problem(path, tensors, "torch-zip"))

    def test_many_names(self):
        """At 1000 items Python begins a new batch; above 255 the memo takes longer numbers."""
        for count in [255, 256, 999, 1000, 1001, 2000]:
            tensors = {f"n.{number}": torch.full((1,), number) for number in range(count)}
            path = self.scratch / f"many-{count}.bin"
            save(tensors, path)
            self.assertIsNone(self.reading_problem(path, tensors, "torch-zip"))

    def test_views_without_elements(self):
        """torch keeps where such a view would start, be it behind the end of its storage."""
        document = {
            "none": torch.empty(3, 0)[1:],
            "end": torch.ones(4)[4:],
            "far": torch.ones(4, 4)[4:, 2:],
            "expanded": torch.ones(1).expand(5, 0, 1),
        }
        for is_zip in [True, False]:
            path = self.scratch / f"without-{is_zip}.bin"
            save(document, path, _use_new_zipfile_serialization=is_zip)
            expected_format = "torch-zip" if is_zip else "torch-legacy"
            self.assertIsNone(self.reading_problem(path, document, expected_format))

    def test_empty_names(self):
        """An empty name is a name: only a tensor that is a whole file gets one."""
        for number, document in enumerate(
            [
                {"": torch.ones(2)},
                {"a": {"": torch.ones(2)}},
                {"": {"a": torch.ones(2)}, "a": torch.zeros(1)},
                {"": torch.ones(2), "tensor": torch.zeros(1)},
            ]
        ):
            with self.subTest(document.keys()):
                path = self.scratch / f"empty-{number}.bin"
                save(document, path)
                self.assertIsNone(self.reading_problem(path, document, "torch-zip"))

    def test_names_that_meet(self):
        path = self.scratch / "same.bin"
        save({"a": {"b": torch.ones(1)}, "a.b": torch.zeros(1)}, path)
        self.assertIsNone(self.refused_without_trace(path, "a.b"))


class AliasTests(TorchTest):
    def test_same_tensor_under_two_names(self):
        base = torch.arange(6.0).reshape(2, 3)
        document = {
            "first": base, "again": base, "view": base.view(2, 3), "row": base[0],
            "turned": base.t(), "inner": {"third": base}, "own": base.clone(),
        }  # fmt: skip
        path = self.scratch / "aliases.bin"
        save(document, path)
        tensors = tensors_of(document)
        twice = self.target(path, ".safetensors")
        self.assert_code(peftkit("convert", path, twice), 0)
        found = facts_in_safetensors(twice.read_bytes())
        self.assertIsNone(difference(found, expected_of(tensors)))

        once = self.target(path, "-once.safetensors")
        run = peftkit("convert", path, once, "--drop-aliases")
        self.assert_code(run, 0)
        dropped = {"again": "first", "view": "first", "inner.third": "first"}
        kept = {name: tensor for name, tensor in tensors.items() if name not in dropped}
        content = once.read_bytes()
        self.assertIsNone(difference(facts_in_safetensors(content), expected_of(kept)))
        metadata = dict(dict(header_pairs(content))["__metadata__"])
        self.assertEqual(metadata, {"format": "pt", **dropped})
        for name in dropped:
            self.assertIn(f"note: {name} was left out: ", run.stderr)


def unsupported_tensors():
    dense = torch.eye(3)
    quantized = torch.quantize_per_tensor(dense, 0.1, 3, torch.qint8)
    channels = torch.quantize_per_channel(
        dense, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0, 1, 2]), 0, torch.quint8
    )
    return {
        "complex128": torch.ones(2, dtype=torch.complex128),
        "complex32": torch.ones(2, dtype=torch.complex64).to(torch.complex32),
        "quantized": quantized,
        "channels": channels,
        "coo": dense.to_sparse(),
        "csr": dense.to_sparse_csr(),
        "csc": dense.to_sparse_csc(),
        "bsr": torch.eye(4).to_sparse_bsr((2, 2)),
        "meta": torch.empty(2, 3, device="meta"),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    }


class UnsupportedTests(TorchTest):
    def setUp(self):
        super().setUp()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tensors = unsupported_tensors()

    def test_refused_by_name(self):
        for kind, tensor in self.tensors.items():
            for is_zip in [True, False]:
                with self.subTest(kind, is_zip=is_zip):
                    name = f"layer.{kind}.weight"
                    path = self.scratch / f"{kind}-{is_zip}.bin"
                    document = {"good": torch.ones(2), name: tensor, "last": torch.zeros(1)}
                    save(document, path, _use_new_zipfile_serialization=is_zip)
                    self.assertIsNone(self.refused_without_trace(path, name))

    def test_left_out_on_request(self):
        path = self.scratch / "all.bin"
        good = {"good": torch.ones(2), "last": torch.zeros(1)}
        save({"good": good["good"], **self.tensors, "last": good["last"]}, path)
        target = self.target(path, ".safetensors")
        run = peftkit("convert", path, target, "--skip-unsupported")
        self.assert_code(run, 0)
        found = facts_in_safetensors(target.read_bytes())
        self.assertIsNone(difference(found, expected_of(good)))
        notes = run.stderr.splitlines()
        self.assertEqual(len(notes), len(self.tensors), run)
        for kind in self.tensors:
            self.assertIn(f"note: {kind} was left out: ", run.stderr)


class TrainingTests(TorchTest):
    """Checkpoints for training: the model alone is a pattern away, and the notes are few."""

    def setUp(self):
        super().setUp()
        self.model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
        self.optimizer = torch.optim.AdamW(self.model.parameters())
        self.model(torch.randn(3, 4)).sum().backward()
        self.optimizer.step()

    def converted(self, value, *options):
        path = self.scratch / "training.pt"
        save(value, path)
        target = self.target(path, ".safetensors")
        run = peftkit("convert", path, target, "--force", QUIET, *options)
        return run, facts_in_safetensors(target.read_bytes()) if target.exists() else None

    def test_model_alone(self):
        state = self.optimizer.state_dict()
        for key, optimizer, value in [
            ("model", "optimizer", state),
            ("state_dict", "optimizer_states", [state]),
            ("model_state_dict", "optimizer_state_dict", state),
        ]:
            saved = {key: self.model.state_dict(), optimizer: value, "epoch": 3, "best": 0.5}
            run, _ = self.converted(saved)
            self.assert_code(run, 0)
            hint = (
                f"note: 12 of 16 tensors are the state of an optimizer, under {optimizer}: "
                f"--include '{key}.*' converts the model alone"
            )
            self.assertIn(hint, run.stderr.splitlines())
            self.assertIn("note: left out: 2 values: epoch, best (int, float)", run.stderr.splitlines())
            self.assertEqual(len(run.stderr.splitlines()), 3, run)
            alone, found = self.converted(saved, "--include", f"{key}.*")
            self.assert_code(alone, 0)
            self.assertEqual(alone.stderr, "")
            tensors = {f"{key}.{name}": tensor for name, tensor in self.model.state_dict().items()}
            self.assertIsNone(difference(found, expected_of(tensors)))

    def test_other_models_have_no_hint(self):
        for saved in [
            self.model.state_dict(),
            {"model": self.model.state_dict(), "optimizer_head.weight": torch.ones(2)},
            self.optimizer.state_dict(),
        ]:
            run, _ = self.converted(saved)
            self.assert_code(run, 0)
            self.assertNotIn("--include", run.stderr)

    def test_no_tensors(self):
        schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 2).state_dict()
        run, found = self.converted(schedule)
        self.assert_code(run, 2)
        self.assertIsNone(found)
        self.assertTrue(run.stderr.endswith(
            "training.pt: contains no tensors\nhint: --allow-empty writes an output without tensors\n"), run)
        run, found = self.converted(schedule, "--allow-empty")
        self.assert_code(run, 0)
        self.assertEqual(found, {})


class WritingTests(TorchTest):
    def cases(self, layout):
        rng = self.random
        dtypes = OF_LAYOUT[layout]
        for count in [None] * PLAIN_DICTS + [255, 1000, 1001]:
            yield random_plain_dict(rng, dtypes, count)

    def test_newest_layout(self):
        self.check_layout("2.7")

    def test_layout_2_1(self):
        self.check_layout("2.1")

    def test_layout_1_13(self):
        self.check_layout("1.13")

    def check_layout(self, layout):
        cases = []
        for number, tensors in enumerate(self.cases(layout)):
            source = self.scratch / f"{number}.safetensors"
            source.write_bytes(safetensors_bytes(tensors))
            cases.append((source, tensors))
        self.check_all(cases, lambda case: self.writing_problem(*case, layout))

    def writing_problem(self, source, tensors, layout):
        target = self.target(source, ".bin")
        options = [] if layout == "2.7" else ["--torch-layout", layout]
        run = peftkit("convert", source, target, QUIET, "--allow-empty", *options)
        if run.code != 0 or run.stderr:
            return str(run)
        expected = expected_of(tensors)
        for mmap in [False, True]:
            loaded = load(target, weights_only=True, mmap=mmap)
            if type(loaded) is not dict:
                return f"{source.name}: {type(loaded)}"
            problem = difference(expected_of(loaded), expected)
            if problem:
                return f"{source.name}, mmap={mmap}: {problem}"
        if layout == "2.7":
            # In the file's order, and saved to the same name, after which torch names a folder.
            in_order = {name: tensors[name] for name in facts_in_safetensors_order(source)}
            theirs = self.target(source, "-torch") / target.name
            theirs.parent.mkdir()
            save(in_order, theirs)
            if target.read_bytes() != theirs.read_bytes():
                return f"{source.name}: not the bytes of torch.save, {list(tensors)[:5]!r}"
        back = self.target(source, "-back.safetensors")
        run = peftkit("convert", target, back, QUIET, "--allow-empty")
        if run.code != 0:
            return str(run)
        return difference(facts_in_safetensors(back.read_bytes()), expected)

    def test_dtypes_that_old_releases_lack(self):
        for layout, dtypes in OF_LAYOUT.items():
            for dtype in DTYPES.keys() - dtypes.keys():
                with self.subTest(layout=layout, dtype=dtype):
                    tensor = plain_tensor(self.random, [dtype], [2])
                    source = self.scratch / f"{layout}-{DTYPES[dtype]}.safetensors"
                    source.write_bytes(safetensors_bytes({"layer.weight": tensor}))
                    target = self.target(source, ".bin")
                    run = peftkit("convert", source, target, "--torch-layout", layout)
                    self.assert_refused(run, source)
                    self.assertIn("layer.weight", run.stderr)
                    self.assertEqual(list(target.parent.iterdir()), [])


def facts_in_safetensors_order(path):
    """The names in the order of the file."""
    return [name for name, _ in header_pairs(path.read_bytes()) if name != "__metadata__"]


@functools.cache
def can_scan():
    """Whether the binary has the command."""
    return any(
        line.split()[:1] == ["scan"] for line in peftkit("--help").stdout.decode().splitlines()
    )


class Call:
    """Pickled, this asks whoever loads it to call something."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class State:
    """An object with attributes, of a class that the reader would have to import."""


def payloads(canary):
    """What would make the canary, by name; and what the refusal must name."""
    canary = str(canary)
    module = torch.nn.Sequential(torch.nn.Linear(2, 2))
    state = State()
    state.weight = torch.ones(1)
    inner = pickle.dumps(Call(HOSTILE.run, canary))
    tensor = torch.ones(2)
    return {
        "run": (Call(HOSTILE.run, canary), HOSTILE.__name__),
        "in-state-dict": ({"weight": tensor, "evil": Call(HOSTILE.run, canary)}, HOSTILE.__name__),
        "first": ({"evil": Call(HOSTILE.run, canary), "weight": tensor}, HOSTILE.__name__),
        "deep": ({"a": [{"b": (tensor, Call(HOSTILE.run, canary))}]}, HOSTILE.__name__),
        "as-key": ({Call(HOSTILE.run, canary): tensor}, HOSTILE.__name__),
        "getattr": ({"weight": Call(getattr, "text", "upper")}, "getattr"),
        "nested-pickle": ({"weight": Call(pickle.loads, inner)}, "loads"),
        "storage-bytes": (
            {"weight": Call(torch.storage._load_from_bytes, inner)},
            "_load_from_bytes",
        ),
        "module": (module, "torch.nn.modules"),
        "module-in-dict": ({"model": module}, "torch.nn.modules"),
        "object": ({"config": state}, "State"),
    }


class CodeTests(TorchTest):
    def files(self, canary):
        for name, (value, said) in payloads(canary).items():
            for container, is_zip in [("zip", True), ("legacy", False)]:
                for protocol in [2, 4]:
                    path = self.scratch / f"{name}-{container}-{protocol}.bin"
                    save(
                        value, path,
                        _use_new_zipfile_serialization=is_zip, pickle_protocol=protocol,
                    )  # fmt: skip
                    yield path, said
            # Without torch's framing: a bare pickle.
            if isinstance(value, Call):
                path = self.scratch / f"{name}-bare.bin"
                path.write_bytes(pickle.dumps(value, 2))
                yield path, ""

    def test_nothing_runs(self):
        """Such files are refused on request; without it they are read as far as nothing must run."""
        canary = self.scratch / "canary"
        cases = list(self.files(canary))
        self.assertFalse(canary.exists(), "saving made the canary")
        strict = ["--strict-pickle"]
        self.check_all(cases, lambda case: self.refused_without_trace(*case, options=strict))
        self.check_all(
            cases, lambda case: self.refused_without_trace(*case, options=[*strict, "--skip-unsupported"])
        )
        self.check_all(cases, lambda case: self.inspection_problem(case[0]))
        self.check_all(cases, lambda case: self.inert_problem(*case))
        self.assertFalse(canary.exists())

    def inspection_problem(self, path):
        return refusal_problem(peftkit("inspect", "--json", "--strict-pickle", path), path)

    def inert_problem(self, path, said):
        """What is wrong with how a file is read whose code is inert, or None."""
        run = peftkit("inspect", "--json", path)
        if run.code == 2:
            return refusal_problem(run, path)
        if run.code != 0:
            return str(run)
        notes = run.json()["notes"]
        told = any(note.startswith("read without running ") and said in note for note in notes)
        return None if told else f"{path.name}: {notes} do not name {said!r}"

    def test_the_canary_sings(self):
        """The same files do run code in Python, else the test above would show nothing."""
        canary = self.scratch / "canary"
        path = self.scratch / "evil.bin"
        save(payloads(canary)["in-state-dict"][0], path)
        load(path, weights_only=False)
        self.assertTrue(canary.exists())

    def test_adapter_directory(self):
        canary = self.scratch / "canary"
        source = self.scratch / "adapter"
        shutil.copytree(FIXTURES / "adapters/mpt-causal-lm-bin", source)
        save(payloads(canary)["in-state-dict"][0], source / BIN_WEIGHTS)
        run = peftkit("convert", source, self.scratch / "converted", "--strict-pickle")
        self.assert_refused(run)
        self.assertIn(HOSTILE.__name__, run.stderr)
        self.assertEqual([path.name for path in self.scratch.iterdir()], ["adapter"])

    def test_scan(self):
        """The scanner says the same of the files, and that honest ones hold data only."""
        if not can_scan():
            self.skipTest("this binary has no scan command")
        canary = self.scratch / "canary"
        for path, said in list(self.files(canary)):
            with self.subTest(path.name):
                run = peftkit("scan", path)
                self.assert_code(run, 1)
                self.assertIn(said, run.stdout.decode())
                self.assert_code(peftkit("scan", "--json", path), 1)
        for number in range(20):
            path = self.scratch / f"honest-{number}.bin"
            save(random_document(self.random), path)
            self.assert_code(peftkit("scan", path), 0)
        self.assertFalse(canary.exists())


class PEFTTests(TorchTest):
    def setUp(self):
        super().setUp()
        from fixture_adapters import ALSO_BIN, MPT_ADAPTERS, OTHER_ADAPTERS

        self.mpt, self.others, self.both = MPT_ADAPTERS, OTHER_ADAPTERS, ALSO_BIN

    def model(self, name, directory):
        from fixture_adapters import seed
        from peft import PeftModel

        make_model = {**self.mpt, **self.others}[name][0]
        seed(name)
        with warnings.catch_warnings(), working_directory(FIXTURES / "adapters"):
            warnings.simplefilter("ignore")
            return PeftModel.from_pretrained(make_model(), str(directory)).eval()

    def outputs(self, name, directory):
        """Logits, and what is generated where the model generates."""
        model = self.model(name, directory)
        words = {"input_ids": torch.tensor([[3, 14, 15, 9, 26]])}
        if name in self.mpt:
            words["task_ids"] = torch.tensor([1])
        with torch.no_grad(), contextlib.redirect_stderr(io.StringIO()):
            if model.config.is_encoder_decoder:
                found = [model(**words, labels=torch.tensor([[7, 11]])).logits]
            else:
                found = [model(**words).logits]
            if "cls" not in name:
                found.append(model.generate(**words, max_new_tokens=8, do_sample=False))
        return found

    def test_generates_the_same(self):
        """From the directory as PEFT saved it, and as converted in either direction."""
        for name in self.both:
            sources = FIXTURES / "adapters"
            pairs = [(sources / f"{name}-bin", "safetensors"), (sources / name, "torch")]
            theirs = self.outputs(name, sources / name)
            for source, form in pairs:
                with self.subTest(name, to=form):
                    target = self.scratch / f"{name}-to-{form}"
                    self.assert_code(peftkit("convert", source, target, "--to", form), 0)
                    weights = WEIGHTS if form == "safetensors" else BIN_WEIGHTS
                    files = {path.name for path in target.iterdir()} - {"README.md"}
                    self.assertEqual(files, {weights, CONFIG})
                    ours = self.outputs(name, target)
                    self.assertEqual(len(ours), len(theirs))
                    for our, their in zip(ours, theirs, strict=True):
                        self.assertTrue(torch.equal(our, their))
                        self.assertEqual(data_of(our), data_of(their))

    def test_live_mpt_adapters_come_back(self):
        """What PEFT saves now, converted to safetensors and back, has the bytes that PEFT wrote."""
        from peft import get_peft_model

        torch.manual_seed(self.random.randrange(2**32))
        for name, (make_model, make_config, dtype) in self.mpt.items():
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with working_directory(FIXTURES / "adapters"):
                    model = get_peft_model(make_model(), make_config())
                model.prompt_encoder.to(getattr(torch, dtype))
                saved_by_peft = self.scratch / name
                model.save_pretrained(saved_by_peft, safe_serialization=False)
                there, back = self.scratch / f"{name}-there", self.scratch / f"{name}-back"
                self.assert_code(peftkit("convert", saved_by_peft, there), 0)
                self.assert_code(peftkit("convert", there, back, "--to", "torch"), 0)
                before, after = files_below(saved_by_peft), files_below(back)
                before.pop(CONFIG), after.pop(CONFIG)  # a set's order in it is random
                self.assertEqual(before.keys(), after.keys())
                self.assertTrue(before[BIN_WEIGHTS] == after[BIN_WEIGHTS], "other bytes")
                self.assertEqual(before, after)
                model.save_pretrained(saved_by_peft, safe_serialization=True)
                theirs = facts_in_safetensors((saved_by_peft / WEIGHTS).read_bytes())
                ours = facts_in_safetensors((there / WEIGHTS).read_bytes())
                self.assertIsNone(difference(ours, theirs))


# A child's peak counts what its parent had before exec: a small Python stands in between.
class MemoryTests(TorchTest):
    def converted(self, source, target, *options, limit=MEMORY_LIMIT):
        """Convert, and hold the peak of memory to its limit."""
        code, peak, errors = peak_memory("convert", source, target, QUIET, *options)
        self.assertEqual(code, 0, errors)
        self.assertLess(peak, limit, f"{source.name} to {target.name}")

    def there_and_back(self, tensors, limit=MEMORY_LIMIT, **options):
        source, there = self.scratch / "model.bin", self.scratch / "model.safetensors"
        save(tensors, source, **options)
        self.converted(source, there, limit=limit)
        self.assertIsNone(self.content_problem(there, tensors))
        source.unlink()
        self.converted(there, source, limit=limit)
        self.assert_code(peftkit("scan", source), 0)
        there.unlink()
        loaded = load(source, weights_only=True, mmap=True)
        self.assertEqual(loaded.keys(), tensors.keys())
        for name, tensor in tensors.items():
            self.assertTrue(torch.equal(loaded[name], tensor), name)

    def content_problem(self, path, tensors):
        from safetensors import safe_open

        with safe_open(str(path), framework="pt") as file:
            if set(file.keys()) != tensors.keys():
                return "names differ"
            for name, tensor in tensors.items():
                if not torch.equal(file.get_tensor(name), tensor):
                    return f"{name} differs"
        return None

    def test_a_gigabyte_in_few_tensors(self):
        torch.manual_seed(self.random.randrange(2**32))
        parts = [torch.randint(0, 2**31, (5, 1 << 23), dtype=torch.int32) for _ in range(6)]
        tensors = {f"layer.{number}.weight": part for number, part in enumerate(parts)}
        self.assertGreater(sum(part.nbytes for part in parts), 1e9)
        self.there_and_back(tensors)

    def ten_thousand(self):
        torch.manual_seed(self.random.randrange(2**32))
        everything = torch.randint(0, 2**31, (10_000, 71, 71), dtype=torch.int32)
        return {
            f"h.{number}.attn.lora_A.weight": everything[number].clone() for number in range(10_000)
        }

    def test_ten_thousand_tensors(self):
        self.there_and_back(self.ten_thousand())

    def test_ten_thousand_tensors_in_a_legacy_file(self):
        self.there_and_back(self.ten_thousand(), _use_new_zipfile_serialization=False)

    def test_a_hundred_thousand_tensors(self):
        """A large mixture of experts. Memory is in proportion to the file, whose pickle has 13 MB."""
        torch.manual_seed(self.random.randrange(2**32))
        everything = torch.randint(0, 2**15, (100_000, 4, 8), dtype=torch.int16)
        name = "base_model.model.model.layers.{}.mlp.experts.{}.down_proj.lora_A.weight"
        tensors = {
            name.format(number // 512, number % 512): everything[number].clone()
            for number in range(100_000)
        }
        self.there_and_back(tensors, limit=256 << 20)

    def test_gathered_tensors(self):
        """Transposed and expanded, so that nothing can be copied as it stands."""
        torch.manual_seed(self.random.randrange(2**32))
        base = torch.randint(0, 2**31, (4096, 8192), dtype=torch.int32)
        tensors = {"turned": base.t(), "spread": base[:16, None].expand(16, 64, 8192)}
        source, target = self.scratch / "model.bin", self.scratch / "model.safetensors"
        save(tensors, source)
        self.converted(source, target)
        self.assertIsNone(self.content_problem(target, tensors))


class DamageTests(TorchTest):
    def originals(self):
        rng = self.random
        found = [(FIXTURES / "adapters" / f"{name}-bin" / BIN_WEIGHTS).read_bytes()
                 for name in ["mpt-causal-lm", "mpt-seq-cls", "lora"]]  # fmt: skip
        for is_zip in [True, False]:
            for count in [1, 4, 12]:
                tensors = random_plain_dict(rng, PLAIN, count)
                found.append(saved(tensors, _use_new_zipfile_serialization=is_zip))
        found.append(saved(random_document(rng)))
        found.append(saved(random_document(rng, PLAIN), _use_new_zipfile_serialization=False))
        return found

    def test_cut_short(self):
        rng, originals = self.random, self.originals()
        self.check_damaged(
            [self.cut(rng.choice(originals), rng) for _ in range(DAMAGED_FILES // 3)]
        )

    def test_bits_flipped(self):
        rng, originals = self.random, self.originals()
        flips = [self.flipped(rng.choice(originals), rng) for _ in range(DAMAGED_FILES)]
        self.check_damaged(flips)

    def cut(self, original, rng):
        end = rng.choice([rng.randrange(len(original)), len(original) - 1 - rng.randrange(80)])
        return original, original[: max(0, end)]

    def flipped(self, original, rng):
        content = bytearray(original)
        # Half of them where the structure is: the front of the file, and its end.
        places = [range(len(content)), range(min(2048, len(content)))]
        places.append(range(max(0, len(content) - 1024), len(content)))
        for _ in range(rng.choice([1, 1, 1, 2, 8])):
            content[rng.choice(rng.choice(places))] ^= 1 << rng.randrange(8)
        return original, bytes(content)

    def check_damaged(self, files):
        cases = []
        for number, (original, content) in enumerate(files):
            path = self.scratch / f"{number}.bin"
            path.write_bytes(content)
            cases.append((path, original))
        self.check_all(cases, lambda case: self.damage_problem(*case))
        self.assertGreater(sum(self.was_refused(path) for path, _ in cases), len(cases) // 3)

    def was_refused(self, path):
        return not self.target(path, ".safetensors").exists()

    def damage_problem(self, path, original):
        target = self.target(path, ".safetensors")
        run = peftkit("convert", path, target, QUIET)
        if can_scan() and (scan := peftkit("scan", path)).code not in {0, 1}:
            return str(scan)
        if run.code == 2:
            left = list(target.parent.iterdir())
            return refusal_problem(run, path) or (f"{run} left {left}" if left else None)
        if run.code != 0:
            return str(run)
        found = facts_in_safetensors(target.read_bytes())
        if original.startswith(b"PK"):
            # Everything is under a checksum.
            theirs = load(io.BytesIO(original), weights_only=False)
        else:
            # Nothing is: what torch now reads is what the file says.
            try:
                theirs = load(path, weights_only=False)
            except Exception:  # torch also looks at what says nothing about the data
                return None
        problem = difference(found, expected_of(tensors_of(theirs)))
        return problem and f"{path.name}: {problem}"
