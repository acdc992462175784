# SPDX-License-Identifier: Apache-2.0
"""`peftkit metadata` against the reference: what it says of the metadata, and that nothing else changed."""

import os
import resource
import signal
import subprocess

from support import FIXTURES, PEFTKIT, InteropTest, peftkit
from test_roundtrip import disordered, random_tensors, random_text

RANDOM_FILES = 100


def random_value(rng):
    """Text that an argument can hold."""
    return random_text(rng, 20).replace("\0", "")


def seen(path):
    """The metadata and tensors that the reference sees: dtype, shape and bytes by name."""
    from safetensors import deserialize, safe_open

    tensors = {
        name: (tensor["dtype"], tuple(tensor["shape"]), bytes(tensor["data"]))
        for name, tensor in deserialize(path.read_bytes())
    }
    with safe_open(path, framework="numpy") as file:
        return file.metadata(), tensors


class EditTests(InteropTest):
    def test_random_edits(self):
        """Any file, any edit, anew and in place: the metadata asked for, and the same tensors."""
        cases = []
        for number in range(RANDOM_FILES):
            rng = self.random
            tensors = random_tensors(rng)
            metadata = rng.choice(
                [None, {}, {"format": "pt"}, {f"{k}{random_value(rng)}": "v" for k in range(4)}]
            )
            path = self.scratch / f"{number}.safetensors"
            path.write_bytes(disordered(tensors, metadata, rng))
            clears = rng.random() < 0.3
            kept = {} if clears else dict(metadata or {})
            removed = [key for key in kept if rng.random() < 0.3]
            new = {random_value(rng).replace("=", ""): random_value(rng) for _ in range(3)}
            new = {} if rng.random() < 0.3 else new
            options = [*(["--clear"] if clears else [])]
            for key in removed:
                options += ["--remove", key]
                del kept[key]
            for key, value in new.items():
                options += ["--set", f"{key}={value}"]
            expected = {**kept, **new}
            if not expected and (clears or metadata is None):
                expected = None
            if options:
                cases.append((path, options, expected))
        self.check_all(cases, lambda case: self.edit_problem(*case))

    def edit_problem(self, path, options, expected):
        _, tensors = seen(path)
        data = self.data(path)
        copy = path.with_suffix(".roomy")
        run = peftkit("metadata", path, "--reserve", "2000", "-o", copy, "--no-sync")
        if run.code != 0:
            return str(run)
        size = copy.stat().st_size
        for target, extra in [(path, []), (copy, ["--in-place"])]:
            run = peftkit("metadata", target, *options, *extra, "--no-sync")
            if run.code != 0:
                return str(run)
            found, found_tensors = seen(target)
            if (found, found_tensors) != (expected, tensors):
                return f"{run}: {found} is not {expected}, or the tensors differ"
            if self.data(target) != data:
                return f"{run}: the data has changed"
        if copy.stat().st_size != size:
            return f"{path}: its size has changed in place"
        return None

    def data(self, path):
        from safetensors_reference import split

        return split(path.read_bytes())[1]

    def test_the_reference_would_write_the_same(self):
        """One key: the reference's order of several is random."""
        from safetensors_reference import write

        rng = self.random
        for number in range(50):
            tensors = random_tensors(rng) or {"t": random_tensors_of_one(rng)}
            path = self.scratch / f"{number}.safetensors"
            path.write_bytes(write(tensors, rng.choice([None, {"format": "pt"}])))
            value = random_value(rng)
            self.assert_code(peftkit("metadata", path, "--clear", "--set", f"k={value}"), 0)
            self.assertEqual(path.read_bytes(), write(tensors, {"k": value}))
            self.assert_code(peftkit("metadata", path, "--clear"), 0)
            self.assertEqual(path.read_bytes(), write(tensors))

    def test_torch_loads_a_file_with_room(self):
        """Through its mapping, on the fixtures that PEFT saved."""
        from safetensors.torch import load_file

        for source in sorted((FIXTURES / "adapters").glob("*/adapter_model.safetensors")):
            path = self.scratch / f"{source.parent.name}.safetensors"
            run = peftkit("metadata", source, "--reserve", "4096", "-o", path)
            self.assert_code(run, 0)
            self.assert_code(peftkit("metadata", path, "--set", "step=1", "--in-place"), 0)
            ours, theirs = load_file(path), load_file(source)
            self.assertEqual(ours.keys(), theirs.keys())
            for name, tensor in theirs.items():
                self.assertTrue(tensor.equal(ours[name]), name)

    def test_json_is_the_metadata(self):
        rng = self.random
        for number in range(30):
            metadata = rng.choice([None, {}, {random_text(rng): random_text(rng, 30)}])
            path = self.scratch / f"{number}.safetensors"
            path.write_bytes(disordered(random_tensors(rng), metadata, rng))
            run = peftkit("metadata", path, "--json")
            self.assert_code(run, 0)
            self.assertEqual(run.json(), metadata)

    def test_arguments_that_are_no_text(self):
        path = self.scratch / "a.safetensors"
        path.write_bytes((FIXTURES / "safetensors/written/order.safetensors").read_bytes())
        before = path.read_bytes()
        for option, argument in [("--set", b"k=\xff"), ("--set", b"\xe9=v"), ("--remove", b"\xc3")]:
            done = subprocess.run(
                [PEFTKIT, "metadata", path, option, argument], capture_output=True
            )
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertEqual(path.read_bytes(), before)
        # The character that stands for what is no text is text itself.
        self.assert_code(peftkit("metadata", path, "--set", "k=\ufffd"), 0)
        self.assertEqual(seen(path)[0]["k"], "\ufffd")


def random_tensors_of_one(rng):
    from safetensors_reference import Tensor

    return Tensor("U8", [3], rng.randbytes(3))


class FailureTests(InteropTest):
    """Writing fails in the middle, or the process is killed."""

    def limited(self, limit, *arguments):
        """Run with a limit on the size of files, and an error instead of a signal beyond it."""

        def prepare():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.run(
            [PEFTKIT, "metadata", *arguments],
            capture_output=True, preexec_fn=prepare, restore_signals=False,
        )  # fmt: skip

    def make(self, size=3_000_000):
        from safetensors_reference import Tensor, write

        path = self.scratch / "a.safetensors"
        path.write_bytes(write({"t": Tensor("U8", [size], self.random.randbytes(size))}, {"k": "v"}))
        return path

    def test_no_space_for_the_copy(self):
        path = self.make()
        before = path.read_bytes()
        for limit in [0, 20, 100_000, len(before) - 1]:
            done = self.limited(limit, path, "--set", "k=w")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(b"error: ", done.stderr)
            self.assertEqual(path.read_bytes(), before)
            self.assertEqual(os.listdir(self.scratch), [path.name])

    def test_no_space_in_place(self):
        """The header is written in part, fails, and is put back."""
        path = self.make(100)
        self.assert_code(peftkit("metadata", path, "--reserve", "500"), 0)
        before = path.read_bytes()
        for limit in [0, 8, 9, 20, 300]:
            done = self.limited(limit, path, "--set", "k=other", "--in-place")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(b"cannot write: File too large", done.stderr)
            self.assertEqual(path.read_bytes(), before)
        done = self.limited(len(before), path, "--set", "k=other", "--in-place")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(seen(path)[0], {"k": "other"})

    def test_killed(self):
        """Whenever the process dies, the file is the old or the new one."""
        path = self.make(30_000_000)
        before = path.read_bytes()
        for delay in range(12):
            process = subprocess.Popen([PEFTKIT, "metadata", path, "--set", "k=w"])
            try:
                process.wait(delay * 0.004)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if path.read_bytes() == before:
                continue
            self.assertEqual(seen(path)[0], {"k": "w"})
            path.write_bytes(before)
        self.assert_code(peftkit("metadata", path, "--set", "k=w"), 0)
        self.assertEqual(os.listdir(self.scratch), [path.name])
