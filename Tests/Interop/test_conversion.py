# SPDX-License-Identifier: Apache-2.0
"""What `peftkit convert` does to tensors on the way, against torch, safetensors and numpy."""

import json
import re
import struct
import warnings

from support import InteropTest, peftkit

RANDOM_CASTS = 60


def torch_dtypes():
    import torch

    names = (
        "float64 float32 bfloat16 float16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz "
        "int64 int32 int16 int8 uint8 bool"
    )
    return {name: getattr(torch, name) for name in names.split()}


def equal(left, right):
    """The same dtype, shape and values, NaN for NaN."""
    import torch

    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if left.dtype.is_floating_point:
        return torch.equal(left.double().nan_to_num(nan=1e301), right.double().nan_to_num(nan=1e301))
    return torch.equal(left, right)


class Casts(InteropTest):
    """--dtype equals `.to()`."""

    def tensors(self, rng):
        import torch

        generator = torch.Generator().manual_seed(rng.randrange(2**31))
        shape = [rng.choice([0, 1, 3, 33, 257]) for _ in range(rng.randrange(1, 4))]
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        scale = 10.0 ** rng.choice([-8, -5, -2, 0, 1, 3, 5])
        values = values * scale
        if values.numel() > 4:
            values.view(-1)[:4] = torch.tensor([0.0, -0.0, float("inf"), float("nan")])
        return values

    def test_of_floating_point_numbers(self):
        from safetensors.torch import load_file, save_file

        dtypes = {name: dtype for name, dtype in torch_dtypes().items() if dtype.is_floating_point}
        rng = self.random
        cases = [(index, *rng.choices(list(dtypes), k=2)) for index in range(RANDOM_CASTS)]

        def problem(case):
            index, source, target = case
            tensor = self.tensors(rng).to(dtypes[source])
            path, out = self.scratch / f"{index}.safetensors", self.scratch / f"{index}.out.safetensors"
            save_file({"weight": tensor, "count": dtypes_int()}, path)
            run = peftkit("convert", "--no-sync", path, out, "--dtype", target)
            if run.code != 0:
                return str(run)
            result = load_file(out)
            if not equal(result["count"], dtypes_int()):
                return f"{case}: an integer tensor has changed"
            if not equal(result["weight"], tensor.to(dtypes[target])):
                return f"{case}: other values than torch's"
            return None

        self.check_all(cases, problem)

    def test_to_and_from_integers(self):
        import torch
        from safetensors.torch import load_file, save_file

        dtypes = torch_dtypes()
        values = torch.tensor([0.0, 1.0, 2.5, 17.0, 96.5, 100.0])
        for source in dtypes:
            tensor = values.to(dtypes[source])
            path = self.scratch / f"{source}.safetensors"
            save_file({"weight": tensor}, path)
            for target in dtypes:
                out = self.scratch / f"{source}-{target}.safetensors"
                run = peftkit("convert", "--no-sync", path, out, "--dtype", f"weight={target}")
                self.assert_code(run, 0)
                result = load_file(out)["weight"]
                self.assertTrue(equal(result, tensor.to(dtypes[target])), f"{source} to {target}")

    def test_what_an_integer_does_not_hold_is_refused(self):
        import torch
        from safetensors.torch import save_file

        path, out = self.scratch / "a.safetensors", self.scratch / "b.safetensors"
        for value in [300.0, -1.0, float("nan"), float("inf")]:
            save_file({"fine": torch.zeros(3), "weight": torch.tensor([1.0, value])}, path)
            run = peftkit("convert", path, out, "--dtype", "*=uint8")
            self.assert_refused(run, path)
            self.assertIn("weight", run.stderr)
            self.assertFalse(out.exists())

    def test_overflow_is_told(self):
        import torch
        from safetensors.torch import save_file

        path, out = self.scratch / "a.safetensors", self.scratch / "b.safetensors"
        save_file({"weight": torch.tensor([1e30, -1e30, 1.0])}, path)
        run = peftkit("convert", path, out, "--dtype", "float16")
        self.assert_code(run, 0)
        self.assertIn("note: weight, F32 to F16: of 3 elements 2 became infinite", run.stderr)

    def test_of_torch_files_with_views(self):
        import torch
        from safetensors.torch import load_file

        base = torch.randn(64, 48)
        tensors = {"whole": base, "transposed": base.t(), "part": base[3:9, ::2], "row": base[5]}
        path, out = self.scratch / "a.bin", self.scratch / "b.safetensors"
        torch.save(tensors, path)
        for target in ["bfloat16", "float8_e4m3fn", "float64"]:
            run = peftkit("convert", "--no-sync", path, out, "--force", "--dtype", target)
            self.assert_code(run, 0)
            for name, tensor in load_file(out).items():
                self.assertTrue(equal(tensor, tensors[name].to(getattr(torch, target))), name)


def dtypes_int():
    import torch

    return torch.tensor([1, 2, 3])


class Selection(InteropTest):
    """--include, --exclude, --rename, --metadata and --drop-metadata."""

    def setUp(self):
        super().setUp()
        import torch
        from safetensors.torch import save_file

        names = [f"base.layers.{layer}.{part}.lora_{side}.weight"
                 for layer in [0, 1, 10] for part in ["q_proj", "v_proj"] for side in "AB"]
        self.tensors = {name: torch.randn(2, 3) for name in [*names, "head.weight", "head.bias"]}
        self.path = self.scratch / "a.safetensors"
        save_file(self.tensors, self.path, metadata={"format": "pt", "origin": "here"})

    def convert(self, *arguments, name="out.safetensors"):
        out = self.scratch / name
        run = peftkit("convert", "--no-sync", "--force", self.path, out, *arguments)
        self.assert_code(run, 0)
        return out

    def assert_tensors(self, path, expected):
        import torch
        from safetensors.torch import load_file

        result = load_file(path)
        self.assertEqual(set(result), set(expected))
        for name, tensor in result.items():
            self.assertTrue(torch.equal(tensor, expected[name]), name)

    def test_patterns_are_those_of_fnmatch(self):
        from fnmatch import fnmatchcase

        for included, excluded in [
            (["*lora_A*"], []), (["*.layers.1.*"], ["*v_proj*"]), ([], ["head.*"]),
            (["head.?????", "*.10.*"], []), (["*.layers.[01].*"], ["*lora_[!A]*"]),
        ]:
            arguments = [part for pattern in included for part in ["--include", pattern]]
            arguments += [part for pattern in excluded for part in ["--exclude", pattern]]
            kept = {
                name: tensor for name, tensor in self.tensors.items()
                if (not included or any(fnmatchcase(name, pattern) for pattern in included))
                and not any(fnmatchcase(name, pattern) for pattern in excluded)
            }
            self.assertTrue(kept)
            self.assert_tensors(self.convert(*arguments), kept)

    def test_patterns_beyond_ascii(self):
        """Names are texts: a character is one, however many bytes it takes."""
        from fnmatch import fnmatchcase

        import torch
        from safetensors.torch import save_file

        names = ["é", "e\u0301", "ü.1", "🎉", "a", "ß🎉"]
        self.tensors = {name: torch.randn(2) for name in names}
        save_file(self.tensors, self.path)
        for pattern in ["?", "??", "[é]", "[é-ü]*", "[!a]", "*🎉", "[🎉ß]?", "ü.[0-9]"]:
            kept = {name: tensor for name, tensor in self.tensors.items() if fnmatchcase(name, pattern)}
            self.assert_tensors(self.convert("--include", pattern), kept)

    def test_random_patterns(self):
        from fnmatch import fnmatchcase

        import torch
        from safetensors.torch import save_file

        letters = "ab-!]^é.\\"
        def text(alphabet, most):
            return "".join(self.random.choices(alphabet, k=self.random.randrange(1, most)))

        names = {text(letters, 5) for _ in range(300)}
        self.tensors = {name: torch.zeros(1) for name in names}
        save_file(self.tensors, self.path)
        patterns = [text(letters + "**??[[", 8) for _ in range(150)] + ["[" + text(letters, 7) + "]" for _ in range(50)]
        out = self.scratch / "o.safetensors"

        def problem(pattern):
            expected = {name for name in names if fnmatchcase(name, pattern)}
            run = peftkit("convert", self.path, out, "--dry-run", "--json", f"--include={pattern}")
            if not expected:
                return None if run.code == 2 else f"{pattern}: {run}"
            found = {tensor["name"] for tensor in run.json()["files"][0]["tensors"]}
            return None if found == expected else f"{pattern}: {found ^ expected}"

        self.check_all(patterns, problem)

    def test_nothing_left_is_refused(self):
        run = peftkit("convert", self.path, self.scratch / "o.safetensors", "--include", "nothing*")
        self.assert_refused(run, self.path)

    def test_renaming_is_that_of_re_sub(self):
        for pattern, replacement in [
            (r"^base\.", "base_model.model."), (r"layers\.(\d+)", r"h.\1"), (r"(\w)_proj", r"\1"),
            (r"lora_(?P<side>[AB])", r"lora_\g<side>.default"), (r"\.(?=weight)", "/"), ("x", "y"),
            (r"\bhead\b", r"[\0]"), (r"\b1\b", "99"), (r"\b(\d+)\b", r"<\1>"), (r"\B_", "-"), (r"\d\b", "\\0n"),
        ]:
            python = replacement.replace(r"\0", r"\g<0>")
            expected = {re.sub(pattern, python, name): tensor for name, tensor in self.tensors.items()}
            self.assert_tensors(self.convert("--rename", f"{pattern}={replacement}"), expected)

    def test_two_names_that_become_one_are_refused(self):
        run = peftkit("convert", self.path, self.scratch / "o.safetensors", "--rename", "[AB]=")
        self.assert_refused(run, self.path)
        self.assertIn("would both be called", run.stderr)

    def test_metadata(self):
        from safetensors import safe_open

        for arguments, expected in [
            ([], {"format": "pt", "origin": "here"}),
            (["--metadata", "origin=there=then"], {"format": "pt", "origin": "there=then"}),
            (["--metadata", "new="], {"format": "pt", "origin": "here", "new": ""}),
            (["--drop-metadata"], None),
            (["--drop-metadata", "--metadata", "a=b"], {"a": "b"}),
        ]:
            with safe_open(self.convert(*arguments), "pt") as file:
                self.assertEqual(file.metadata(), expected)

    def test_reserved_room_is_valid_for_every_reader(self):
        out = self.convert("--reserve", "1000")
        self.assert_tensors(out, self.tensors)
        with open(out, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            self.assertTrue(file.read(length).endswith(b" " * 1000))

    def test_dry_run_says_where_everything_goes(self):
        import torch

        for name in ["o.safetensors", "o.bin", "o.npz"]:
            out = self.scratch / name
            arguments = ["--include", "*lora_A*", "--rename", "lora_A=a"]
            run = peftkit("convert", self.path, out, *arguments, "--dry-run", "--json")
            self.assert_code(run, 0)
            self.assertFalse(out.exists())
            (file,) = run.json()["files"]
            self.convert(*arguments, name=name)
            source, data = self.path.read_bytes(), out.read_bytes()
            self.assertEqual(file["byte_count"], len(data))
            self.assertEqual(len(file["tensors"]), 6)
            for tensor in file["tensors"]:
                begin, end = tensor["source_range"]
                first, last = tensor["range"]
                self.assertEqual(source[begin:end], data[first:last], tensor["name"])
                expected = self.tensors[tensor["source_name"]]
                self.assertEqual(bytes(expected.view(torch.uint8).flatten().tolist()), data[first:last])


class NumPy(InteropTest):
    """npz and npy, in and out."""

    def test_there_and_back(self):
        import numpy
        import torch
        from safetensors.torch import load_file, save_file

        tensors = {
            "a.weight": torch.randn(3, 5), "b": torch.arange(7), "c": torch.randn(2).half(),
            "d": torch.tensor(True), "e": torch.zeros(0, 3),
        }
        path = self.scratch / "a.safetensors"
        save_file(tensors, path)
        for arguments in [[], ["--compress"]]:
            archive, back = self.scratch / "b.npz", self.scratch / "c.safetensors"
            self.assert_code(peftkit("convert", path, archive, "--force", *arguments), 0)
            with numpy.load(archive) as arrays:
                self.assertEqual(set(arrays), set(tensors))
                for name, tensor in tensors.items():
                    numpy.testing.assert_array_equal(arrays[name], tensor.numpy())
            self.assert_code(peftkit("convert", archive, back, "--force"), 0)
            for name, tensor in load_file(back).items():
                self.assertTrue(torch.equal(tensor, tensors[name]), name)

    def test_one_array(self):
        import numpy
        import torch
        from safetensors.torch import save_file

        tensor = torch.randn(4, 6)
        path, out = self.scratch / "a.safetensors", self.scratch / "b.npy"
        save_file({"weight": tensor, "other": torch.zeros(1)}, path)
        self.assert_refused(peftkit("convert", path, out))
        self.assert_code(peftkit("convert", path, out, "--include", "weight"), 0)
        numpy.testing.assert_array_equal(numpy.load(out), tensor.numpy())

    def test_bfloat16_is_written_as_its_bits(self):
        import numpy
        import torch
        from safetensors.torch import save_file

        tensor = torch.randn(4, 6).bfloat16()
        path, out = self.scratch / "a.safetensors", self.scratch / "b.npz"
        save_file({"weight": tensor}, path)
        run = peftkit("convert", path, out)
        self.assert_code(run, 0)
        self.assertIn("note: weight was written as U16", run.stderr)
        bits = numpy.load(out)["weight"]
        numpy.testing.assert_array_equal(bits.view(numpy.int16), tensor.view(torch.int16).numpy())


class Models(InteropTest):
    """Models in shards, read and written as transformers does."""

    def setUp(self):
        super().setUp()
        warnings.simplefilter("ignore")
        from transformers import GPT2Config, GPT2LMHeadModel

        config = GPT2Config(n_layer=3, n_embd=32, n_head=2, vocab_size=100, n_positions=16)
        self.model = GPT2LMHeadModel(config)
        self.directory = self.scratch / "model"
        self.model.save_pretrained(self.directory, max_shard_size="40KB")

    def assert_same_model(self, directory):
        import torch
        from transformers import GPT2LMHeadModel

        loaded = GPT2LMHeadModel.from_pretrained(directory)
        expected = self.model.state_dict()
        self.assertEqual(set(loaded.state_dict()), set(expected))
        for name, tensor in loaded.state_dict().items():
            self.assertTrue(torch.equal(tensor, expected[name]), name)

    def shards(self, directory, pattern):
        return sorted(path.name for path in directory.glob(pattern))

    def test_a_model_keeps_its_shards(self):
        out = self.scratch / "out"
        self.assert_code(peftkit("convert", self.directory, out), 0)
        names = self.shards(self.directory, "*.safetensors")
        self.assertGreater(len(names), 2)
        self.assertEqual(self.shards(out, "*.safetensors"), names)
        index = "model.safetensors.index.json"
        self.assertEqual((out / index).read_text(), (self.directory / index).read_text())
        self.assert_same_model(out)

    def test_splitting_anew(self):
        out = self.scratch / "out"
        arguments = ["--max-shard-size", "60KB"]
        self.assert_code(peftkit("convert", self.directory, out, *arguments), 0)
        again = self.scratch / "again"
        self.model.save_pretrained(again, max_shard_size="60KB")
        self.assertEqual(self.shards(out, "*.safetensors"), self.shards(again, "*.safetensors"))
        total = json.loads((out / "model.safetensors.index.json").read_text())["metadata"]
        expected = json.loads((again / "model.safetensors.index.json").read_text())["metadata"]
        self.assertEqual(total["total_size"], expected["total_size"])
        self.assert_same_model(out)

    def test_merging(self):
        out = self.scratch / "whole/model.safetensors"
        out.parent.mkdir()
        run = peftkit("convert", self.directory / "model.safetensors.index.json", out)
        self.assert_code(run, 0)
        (out.parent / "config.json").write_bytes((self.directory / "config.json").read_bytes())
        self.assert_same_model(out.parent)

    def test_torch_and_back(self):
        there, back = self.scratch / "there", self.scratch / "back"
        run = peftkit("convert", self.directory, there, "--to", "torch", "--max-shard-size", "1MB")
        self.assert_code(run, 0)
        self.assertEqual(self.shards(there, "*.bin"), ["pytorch_model.bin"])
        self.assertEqual(self.shards(there, "*.safetensors"), [])
        self.assert_same_model(there)
        self.assert_code(peftkit("convert", there, back, "--max-shard-size", "40KB"), 0)
        self.assert_same_model(back)

    def test_a_file_split_into_a_directory(self):
        whole, out = self.scratch / "m.bin", self.scratch / "split"
        run = peftkit("convert", self.directory / "model.safetensors.index.json", whole)
        self.assert_code(run, 0)
        self.assert_code(peftkit("convert", whole, out, "--max-shard-size", "50KB"), 0)
        (out / "config.json").write_bytes((self.directory / "config.json").read_bytes())
        self.assert_same_model(out)
