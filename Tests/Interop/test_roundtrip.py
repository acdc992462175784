# SPDX-License-Identifier: Apache-2.0
"""`peftkit convert` from safetensors to safetensors, of files and of adapter directories."""

import contextlib
import json
import os
import shutil
import warnings
from pathlib import Path

from support import FIXTURES, InteropTest, peftkit

RANDOM_FILES = 150
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
NAME_PIECES = [
    "a", "b", "Z", "0", "10", "2", ".", "_", " ", "é", "e\u0301", "\uffee", "\U0001f600", '"', "\\",
    "/",
    "\n", "\t", "\x01", "\x1f", "\x7f", "\x80", "\u2028", "\0", "\b", "\f", "weight", "h.10.",
    "h.2.",
]  # fmt: skip


def random_text(rng, length=6):
    return "".join(rng.choice(NAME_PIECES) for _ in range(rng.randrange(length)))


def random_tensors(rng):
    from safetensors_reference import WRITABLE, Tensor, byte_count

    tensors = {}
    for _ in range(rng.choice([0, 1, 2, 5, 30])):
        dtype = rng.choice(WRITABLE)
        shape = [rng.choice([0, 1, 2, 3, 7, 16]) for _ in range(rng.randrange(4))]
        if dtype == "F4":
            shape.append(2)  # its writer takes two values at a time
        tensors[random_text(rng)] = Tensor(dtype, shape, rng.randbytes(byte_count(dtype, shape)))
    return tensors


def disordered(tensors, metadata, rng):
    """A valid file of these tensors as no writer makes it: other order, whitespace, no padding."""
    from safetensors_reference import frame

    header, data = {}, b""
    for name in rng.sample(list(tensors), len(tensors)):
        tensor = tensors[name]
        offsets = [len(data), len(data) + len(tensor.data)]
        header[name] = {"shape": tensor.shape, "data_offsets": offsets, "dtype": tensor.dtype}
        data += tensor.data
    items = rng.sample(list(header.items()), len(header))
    if metadata is not None:
        items.insert(rng.randrange(len(items) + 1), ("__metadata__", metadata))
    text = json.dumps(dict(items), indent=rng.choice([None, 1]), ensure_ascii=rng.random() < 0.5)
    return frame(text, data)


def header_pairs(content):
    from safetensors_reference import split

    return json.loads(split(content)[0], object_pairs_hook=lambda pairs: pairs)


def files_below(directory):
    """Every file's bytes, by its path below the directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def as_peft_writes(config):
    return json.dumps(json.loads(config), indent=2, sort_keys=True).encode()


def safetensors_adapters():
    adapters = (FIXTURES / "adapters").iterdir()
    return sorted(path for path in adapters if (path / WEIGHTS).is_file())


@contextlib.contextmanager
def working_directory(path):
    """Adapters started from a source name it relative to the adapters folder, and PEFT reads it."""
    previous = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(previous)


class FileTests(InteropTest):
    def test_fixtures_written_by_the_reference(self):
        """What the reference wrote comes out as the same bytes, but for several metadata keys."""
        paths = sorted((FIXTURES / "safetensors/written").glob("*.safetensors"))
        self.check_all(paths, lambda path: self.conversion_problem(path, path.read_bytes()))

    def test_random_tensors(self):
        from safetensors_reference import write

        cases = []
        for number in range(RANDOM_FILES):
            rng = self.random
            tensors = random_tensors(rng)
            metadata = rng.choice(
                [None, {}, {"format": "pt"}, {random_text(rng): random_text(rng, 20)}]
            )
            if not tensors and metadata == {}:
                metadata = None  # The reference then writes `{},"__metadata__":{}}`, no JSON at all.
            path = self.scratch / f"{number}.safetensors"
            path.write_bytes(disordered(tensors, metadata, rng))
            cases.append((path, write(tensors, metadata)))
        self.check_all(cases, lambda case: self.conversion_problem(*case))

    def conversion_problem(self, path, expected):
        target = self.scratch / f"converted-{path.name}"
        run = peftkit("convert", path, target, "--allow-empty")
        if run.code != 0:
            return str(run)
        if target.read_bytes() != expected:
            return f"{path}: {target.read_bytes()[:500]!r} is not {expected[:500]!r}"
        return None

    def test_many_metadata_keys_keep_their_order(self):
        """Here the reference's own order is random, so the source's is kept."""
        from safetensors_reference import write

        rng = self.random
        for number in range(20):
            metadata = {random_text(rng) + str(key): random_text(rng) for key in range(6)}
            tensors = random_tensors(rng)
            source = self.scratch / f"many-{number}.safetensors"
            target = self.scratch / f"many-{number}-converted.safetensors"
            source.write_bytes(disordered(tensors, metadata, rng))
            self.assert_code(peftkit("convert", source, target, "--allow-empty"), 0)
            found = header_pairs(target.read_bytes())
            self.assertEqual(found[0], ("__metadata__", list(metadata.items())))
            self.assertEqual(found[1:], header_pairs(write(tensors)))

    def test_null_metadata_is_none(self):
        from safetensors_reference import frame

        source, target = self.scratch / "null.safetensors", self.scratch / "out.safetensors"
        source.write_bytes(frame('{"__metadata__":null}'))
        self.assert_code(peftkit("convert", source, target, "--allow-empty"), 0)
        self.assertEqual(target.read_bytes(), frame("{}      "))

    def test_existing_target(self):
        source = FIXTURES / "safetensors/written/order.safetensors"
        target = self.scratch / "there.safetensors"
        target.write_bytes(b"precious")
        self.assert_refused(peftkit("convert", source, target), target)
        self.assertEqual(target.read_bytes(), b"precious")
        self.assert_code(peftkit("convert", source, target, "--force"), 0)
        self.assertEqual(target.read_bytes(), source.read_bytes())

    def test_in_place(self):
        source = FIXTURES / "safetensors/accept/unsorted.safetensors"
        path = self.scratch / "same.safetensors"
        shutil.copyfile(source, path)
        self.assert_refused(peftkit("convert", path, path), path)
        self.assertEqual(path.read_bytes(), source.read_bytes())
        self.assert_code(peftkit("convert", path, path, "--force"), 0)
        other = self.scratch / "other.safetensors"
        self.assert_code(peftkit("convert", source, other), 0)
        self.assertEqual(path.read_bytes(), other.read_bytes())

    def test_nothing_is_left_of_a_refused_source(self):
        source = FIXTURES / "safetensors/refuse/hole.safetensors"
        target = self.scratch / "out.safetensors"
        self.assert_refused(peftkit("convert", source, target), source)
        self.assertEqual(list(self.scratch.iterdir()), [])

    def test_missing_source(self):
        source = self.scratch / "missing.safetensors"
        self.assert_refused(peftkit("convert", source, self.scratch / "out.safetensors"), source)
        self.assertEqual(list(self.scratch.iterdir()), [])


class DirectoryTests(InteropTest):
    def converted(self, source):
        target = self.scratch / f"{source.name}-converted"
        self.assert_code(peftkit("convert", source, target), 0)
        return target

    def test_every_adapter(self):
        """PEFT's own weights, model card and config come out as they were."""
        for source in safetensors_adapters():
            with self.subTest(source.name):
                self.assertEqual(files_below(self.converted(source)), files_below(source))

    def test_config_is_written_as_peft_writes_it(self):
        source = self.copy_of("mpt-unicode")
        config = json.loads((source / CONFIG).read_text())
        config["kept_unknown_key"] = {"é": [1e-05, None]}
        (source / CONFIG).write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        written = (self.converted(source) / CONFIG).read_bytes()
        self.assertEqual(written, as_peft_writes((source / CONFIG).read_text(encoding="utf-8")))

    def test_other_files_travel(self):
        source = self.copy_of("mpt-causal-lm")
        (source / "tokenizer.json").write_bytes(b"{}\n")
        (source / "training_args.bin").write_bytes(b"\x80\x02N.")
        (source / "deeper/still").mkdir(parents=True)
        (source / "deeper/still/notes.txt").write_text("notes")
        self.assertEqual(files_below(self.converted(source)), files_below(source))

    def test_symbolic_links_are_followed(self):
        """A snapshot in the hub's cache is a directory of links."""
        blobs, source = self.scratch / "blobs", self.scratch / "snapshot"
        shutil.copytree(FIXTURES / "adapters/mpt-causal-lm", blobs)
        source.mkdir()
        for path in blobs.iterdir():
            (source / path.name).symlink_to(Path("../blobs") / path.name)
        target = self.converted(source)
        self.assertEqual(files_below(target), files_below(blobs))
        self.assertFalse(any(path.is_symlink() for path in target.iterdir()))

    def test_existing_directory(self):
        source = FIXTURES / "adapters/mpt-causal-lm"
        target = self.scratch / "there"
        target.mkdir()
        (target / "old.txt").write_text("old")
        self.assert_refused(peftkit("convert", source, target), target)
        self.assertEqual(files_below(target), {"old.txt": b"old"})
        self.assert_code(peftkit("convert", source, target, "--force"), 0)
        self.assertEqual(files_below(target), files_below(source))

    def test_in_place(self):
        path = self.copy_of("mpt-seq-cls")
        before = files_below(path)
        self.assert_refused(peftkit("convert", path, path))
        self.assertEqual(files_below(path), before)
        self.assert_code(peftkit("convert", path, path, "--force"), 0)
        self.assertEqual(files_below(path), before)
        self.assertEqual([entry.name for entry in self.scratch.iterdir()], [path.name])

    def test_refused_weights_leave_nothing(self):
        source = self.copy_of("mpt-causal-lm")
        shutil.copyfile(FIXTURES / "safetensors/refuse/overlap.safetensors", source / WEIGHTS)
        self.assert_refused(peftkit("convert", source, self.scratch / "out"))
        self.assertEqual([entry.name for entry in self.scratch.iterdir()], [source.name])

    def test_peft_loads_the_result(self):
        """PeftModel.from_pretrained gives the same module from the converted directory."""
        from fixture_adapters import MPT_ADAPTERS

        for name, (make_model, _, _) in MPT_ADAPTERS.items():
            with self.subTest(name), working_directory(FIXTURES / "adapters"):
                source = FIXTURES / "adapters" / name
                theirs = self.loaded(make_model, source)
                ours = self.loaded(make_model, self.converted(source))
                self.assertEqual(theirs.keys(), ours.keys())
                for key, tensor in theirs.items():
                    self.assertTrue(tensor.equal(ours[key]), key)

    def loaded(self, make_model, directory):
        """What PEFT loads: the prompt encoder, and heads where the adapter has one."""
        from peft import PeftModel

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = PeftModel.from_pretrained(make_model(), str(directory))
        saved = ("prompt_encoder", "modules_to_save")
        state = model.state_dict()
        return {key: state[key] for key in state if any(word in key for word in saved)}

    def copy_of(self, name):
        path = self.scratch / name
        shutil.copytree(FIXTURES / "adapters" / name, path)
        return path
