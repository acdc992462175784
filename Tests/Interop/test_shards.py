# SPDX-License-Identifier: Apache-2.0
"""Sharded checkpoints against transformers and huggingface_hub: reading, joining, splitting."""

import contextlib
import io
import json
import os
import unittest
import warnings
from pathlib import Path

from support import InteropTest, peftkit

SETS = 24
FORMATS = ["safetensors", "torch"]
PATTERNS = {"safetensors": "model{suffix}.safetensors", "torch": "pytorch_model{suffix}.bin"}
TOTALS = ["tensor_count", "parameter_count", "byte_count"]
can_split = "--max-shard-size" in peftkit("convert", "--help").stdout.decode()


def random_state_dict(rng, dtypes=("float32", "bfloat16", "int64", "uint8")):
    """Tensors under module names, out of order, some of them empty; none share data."""
    import torch

    generator = torch.Generator().manual_seed(rng.randrange(2**60))
    names = ["embed.weight", "é.😀", "norm.bias"]
    names += [f"h.{layer}.{part}" for layer in range(12) for part in ["w", "b"]]
    state_dict = {}
    for name in rng.sample(names, rng.randrange(2, len(names))):
        shape = [rng.choice([0, 1, 2, 5, 16, 40]) for _ in range(rng.randrange(3))]
        values = torch.randint(0, 100, shape, generator=generator)
        state_dict[name] = values.to(getattr(torch, rng.choice(dtypes)))
    return state_dict


def quietly(action, *arguments, **options):
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        return action(*arguments, **options)


def save(state_dict, directory, form, limit, pattern=None):
    """Save with huggingface_hub; the path of the index, or of the file where one is enough."""
    from huggingface_hub import save_torch_state_dict

    directory.mkdir(parents=True, exist_ok=True)
    quietly(
        save_torch_state_dict, state_dict, directory, max_shard_size=limit,
        safe_serialization=form == "safetensors", filename_pattern=pattern,
    )  # fmt: skip
    whole = directory / (pattern or PATTERNS[form]).format(suffix="")
    index = Path(f"{whole}.index.json")
    return index if index.exists() else whole


def shard_names(index):
    return sorted(set(json.loads(index.read_text())["weight_map"].values()))


def load_file(path):
    """The tensors of a file in its order, which keys() does not keep: it sorts by name."""
    import torch
    from safetensors import safe_open
    from safetensors_reference import split

    if path.suffix == ".safetensors":
        names = json.loads(split(path.read_bytes())[0])
        names.pop("__metadata__", None)
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in names}
    return torch.load(path, weights_only=True)


def load(path):
    """What transformers merges: files sorted by name, later ones over earlier ones."""
    if not path.name.endswith(".index.json"):
        return load_file(path)
    merged = {}
    for name in shard_names(path):
        merged |= load_file(path.parent / name)
    return merged


def as_bytes(tensor):
    import torch

    return tensor.contiguous().reshape(-1).view(torch.uint8)


def difference(found, expected):
    """How two state dicts differ in names, dtypes, shapes or bits, or None."""
    import torch

    if found.keys() != expected.keys():
        return f"names differ: {sorted(found.keys() ^ expected.keys())[:5]}"
    for name, tensor in expected.items():
        other = found[name]
        if (other.dtype, other.shape) != (tensor.dtype, tensor.shape):
            return f"{name}: {other.dtype} {other.shape}, not {tensor.dtype} {tensor.shape}"
        if not torch.equal(as_bytes(other), as_bytes(tensor)):
            return f"{name} has other data"
    return None


def model(directory, **options):
    """A tiny Llama saved by transformers into a directory, and its state dict."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=3,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=16,
    )  # fmt: skip
    llama = LlamaForCausalLM(config)
    quietly(llama.save_pretrained, directory, **options)
    return llama


class ReadingTest(InteropTest):
    def sets(self):
        for number in range(SETS):
            form = FORMATS[number % 2]
            state_dict = random_state_dict(self.random)
            total = sum(tensor.nbytes for tensor in state_dict.values())
            limit = self.random.choice([1, max(1, total // 3), total])
            yield save(state_dict, self.scratch / str(number), form, limit), state_dict

    def test_inspect_sees_the_merged_files(self):
        def problem_of(item):
            path, state_dict = item
            run = peftkit("inspect", path, "--json")
            if run.code != 0:
                return str(run)
            report = run.json()
            names = [tensor["name"] for tensor in report["tensors"]]
            if names != list(load(path)):
                return f"{path}: names or their order differ"
            shapes = [tensor["shape"] for tensor in report["tensors"]]
            if shapes != [list(state_dict[name].shape) for name in names]:
                return f"{path}: shapes differ"
            count = sum(tensor.numel() for tensor in state_dict.values())
            size = sum(tensor.nbytes for tensor in state_dict.values())
            totals = [report[key] for key in TOTALS]
            if totals != [len(names), count, size]:
                return f"{path}: totals {totals}"
            return None

        self.check_all(self.sets(), problem_of)

    def test_joining(self):
        def problem_of(item):
            path, state_dict = item
            for name in ["joined.safetensors", "joined.bin"]:
                joined = path.parent / name
                run = peftkit("convert", path, joined, "--allow-empty")
                if run.code != 0:
                    return str(run)
                problem = difference(load_file(joined), state_dict)
                if problem:
                    return f"{path} to {name}: {problem}"
            return None

        self.check_all(self.sets(), problem_of)

    def test_a_joined_set_is_the_file_that_transformers_saves_whole(self):
        llama = model(self.scratch / "sharded", max_shard_size="5KB")
        quietly(llama.save_pretrained, self.scratch / "whole")
        index = self.scratch / "sharded" / "model.safetensors.index.json"
        joined = self.scratch / "joined.safetensors"
        self.assert_code(peftkit("convert", index, joined), 0)
        whole = self.scratch / "whole" / "model.safetensors"
        self.assertEqual(joined.read_bytes(), whole.read_bytes())

    def test_tied_weights(self):
        import torch

        weights = torch.arange(12.0)
        state_dict = {"a": weights, "b": torch.ones(9), "c": weights, "d": weights.view(3, 4)}
        index = save(state_dict, self.scratch / "tied", "torch", 50)
        joined = self.scratch / "joined.bin"
        self.assert_code(peftkit("convert", index, joined), 0)
        self.assertIsNone(difference(load_file(joined), state_dict))

    def test_damage(self):
        state_dict = {f"t{number}": tensor for number, tensor in enumerate(self.vectors(6))}
        index = save(state_dict, self.scratch / "set", "safetensors", 16)
        first, second = shard_names(index)[:2]
        text = index.read_text()

        def change(new):
            index.write_text(new)
            return peftkit("inspect", index)

        self.assert_refused(change(text[:-5]), index)
        self.assert_refused(change(text.replace(first, "../" + first)), index)
        self.assert_refused(change(text.replace(first, "sub/" + first)), index)
        self.assert_refused(change(text.replace(first, second)), index)
        self.assert_refused(change(text.replace('"t0"', '"other"')), index)
        self.assert_refused(change(text.replace('"t0"', '"t1"')), index)
        absent = change(text.replace(first, "absent.safetensors"))
        self.assert_refused(absent, index)
        self.assertIn("its shard absent.safetensors is missing", absent.stderr)
        self.assertEqual(change(text).code, 0)
        os.truncate(index.parent / second, 20)
        self.assert_refused(change(text), index.parent / second)

    def vectors(self, count):
        import torch

        return [torch.full((4,), float(number)) for number in range(count)]

    def test_paths_that_huggingface_hub_refuses(self):
        import torch
        from huggingface_hub import load_torch_model

        index = save({"weight": torch.ones(1, 2), "bias": torch.ones(1)}, self.scratch / "s",
                     "safetensors", 8)  # fmt: skip
        names = ["/tmp/a", "../a", "..\\a", "C:a", "C:\\a", "\\a", "\\\\h\\s\\a", "a/../b"]
        text = index.read_text()
        for name in names:
            shard = name + ".safetensors"
            escaped = json.dumps(shard)[1:-1]
            index.write_text(text.replace("model-00001-of-00002.safetensors", escaped))
            with self.assertRaisesRegex(ValueError, "Invalid shard filename"):
                load_torch_model(torch.nn.Linear(2, 1), index.parent)
            self.assert_refused(peftkit("inspect", index), index)


@unittest.skipUnless(can_split, "this peftkit does not split")
class SplittingTest(InteropTest):
    """`convert SRC DST --max-shard-size SIZE`: DST is a directory."""

    def test_directories_are_inspected_and_converted(self):
        llama = model(self.scratch / "model", max_shard_size="5KB")
        run = peftkit("inspect", self.scratch / "model", "--json")
        self.assert_code(run, 0)
        index = self.scratch / "model" / "model.safetensors.index.json"
        names = [tensor["name"] for tensor in run.json()["tensors"]]
        self.assertEqual(names, list(load(index)))
        out = self.scratch / "whole"
        limit = ["--max-shard-size", "1GB"]
        self.assert_code(peftkit("convert", self.scratch / "model", out, *limit), 0)
        self.assertEqual(
            sorted(path.name for path in out.iterdir()),
            ["config.json", "generation_config.json", "model.safetensors"],
        )
        quietly(llama.save_pretrained, self.scratch / "saved")
        saved = self.scratch / "saved" / "model.safetensors"
        self.assertEqual((out / "model.safetensors").read_bytes(), saved.read_bytes())

    def test_split_files_hold_the_same_and_load(self):
        from transformers import LlamaForCausalLM

        llama = model(self.scratch / "model")
        state_dict = llama.state_dict()
        for size in ["2KB", "5KB", "0.01MB", "4KiB", "3000"]:
            for form in FORMATS:
                out = self.scratch / f"{size}-{form}"
                run = peftkit(
                    "convert", self.scratch / "model", out, "--max-shard-size", size, "--to", form
                )
                self.assert_code(run, 0)
                index = out / (PATTERNS[form].format(suffix="") + ".index.json")
                self.assertIsNone(difference(load(index), state_dict), f"{size} {form}")
                loaded = quietly(LlamaForCausalLM.from_pretrained, out)
                self.assertIsNone(difference(loaded.state_dict(), state_dict), f"{size} {form}")

    def test_the_split_is_huggingface_hubs(self):
        from huggingface_hub import split_torch_state_dict_into_shards

        def problem_of(number):
            directory = self.scratch / f"split-{number}"
            state_dict = dicts[number]
            source = save(state_dict, directory, "safetensors", 10**9)
            # Copies, since empty tensors out of a mapping do not share the null address.
            ordered = {name: tensor.clone() for name, tensor in load_file(source).items()}
            total = sum(tensor.nbytes for tensor in state_dict.values())
            limit = [1, max(1, total // 3), max(1, total // 2), total + 1][number % 4]
            out = self.scratch / f"out-{number}"
            run = peftkit("convert", source, out, "--max-shard-size", str(limit), "--allow-empty")
            if run.code != 0:
                return str(run)
            split = split_torch_state_dict_into_shards(
                ordered, max_shard_size=limit, filename_pattern=PATTERNS["safetensors"]
            )
            for name, keys in split.filename_to_tensors.items():
                if set(load_file(out / name)) != set(keys):
                    return f"{number}: {name} holds other tensors"
            index = out / "model.safetensors.index.json"
            if index.exists() != split.is_sharded:
                return f"{number}: the index is there or not, wrongly"
            if split.is_sharded:
                expected = {
                    "metadata": {
                        "total_parameters": sum(tensor.numel() for tensor in ordered.values()),
                        **split.metadata,
                    },
                    "weight_map": split.tensor_to_filename,
                }
                text = json.dumps(expected, indent=2, sort_keys=True) + "\n"
                if index.read_text() != text:
                    return f"{number}: another index"
            return None

        dicts = [random_state_dict(self.random) for _ in range(SETS)]
        self.check_all(range(SETS), problem_of)

    def test_joined_again_it_is_the_same_file(self):
        import torch

        state_dict = random_state_dict(self.random) | {"1": torch.ones(2), "2": torch.ones(3)}
        source = save(state_dict, self.scratch / "source", "safetensors", 10**9)
        out = self.scratch / "out"
        self.assert_code(peftkit("convert", source, out, "--max-shard-size", "1"), 0)
        index = out / "model.safetensors.index.json"
        joined = self.scratch / "joined.safetensors"
        self.assert_code(peftkit("convert", index, joined), 0)
        self.assertEqual(joined.read_bytes(), source.read_bytes())
