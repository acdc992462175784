# SPDX-License-Identifier: Apache-2.0
"""`peftkit repair` makes of a damaged adapter one that real PEFT loads as it loads the one before the damage."""

import json
import shutil
import warnings
from pathlib import Path

import adapter_bases
import torch
from adapter_corpus import Case, build, cases
from adapter_damage import CONFIG, PREFIXES, WEIGHTS
from adapter_loading import load
from safetensors.torch import load_file, save_file

from support import InteropTest, peftkit

METHODS = ["LORA", "ADALORA", "LOHA", "LOKR", "VERA", "IA3", "OFT", "MISS", "HRA", "TRAINABLE_TOKENS"]
PROMPT_METHODS = ["MULTITASK_PROMPT_TUNING", "PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING"]


def with_adapter(name, adapter):
    """The name of a parameter in the model, which has the adapter's name after that of the parameter."""
    stem, dot, last = name.rpartition(".")
    return f"{stem}.{adapter}.{last}" if last in ("weight", "bias") else f"{name}.{adapter}"


CHANGES = {name: change for name, change in PREFIXES if "adapter's" not in name} | {
    "adapter's name": lambda name: with_adapter(name, "default"),
    "other adapter's name": lambda name: with_adapter(name, "default_0"),
}


class RepairTest(InteropTest):
    def adapters(self, methods):
        """The first case of each method whose adapter PEFT loads, with its directory and what the load gave."""
        for method in methods:
            for case in list(cases([method]))[:2]:
                directory = self.scratch / f"{case.directory}"
                build(case, directory)
                intact = load(case.base, case.task, directory)
                if intact.error is None:
                    yield case, directory, intact
                    break
            else:
                self.fail(f"no adapter of {method}")

    def repaired(self, directory, *options):
        """The output of `repair`, which a second run must not change."""
        output = Path(f"{directory}-repaired")
        run = peftkit("repair", directory, "-o", output, "--json", *options)
        self.assertIn(run.code, (0, 1), run)
        again = Path(f"{directory}-again")
        second = peftkit("repair", output, "-o", again, "--json", *options)
        self.assertEqual(second.code, run.code, second)
        self.assertEqual(second.json()["repaired"], [])
        self.assertEqual(files(output), files(again))
        return output, run

    def assert_loads_like(self, case, directory, intact, source):
        """PEFT loads the adapter as it loaded the intact one, with the same tensors."""
        outcome = load(case.base, case.task, directory)
        self.assertEqual(outcome.worse_than(intact), [])
        before, after = load_file(source / WEIGHTS), load_file(directory / WEIGHTS)
        self.assertEqual(set(before), set(after))
        for name, tensor in before.items():
            self.assertTrue(torch.equal(tensor.nan_to_num(), after[name].nan_to_num()), name)

    def damaged(self, source, name, change):
        """A copy of an adapter with other names of its tensors; None if there are none to change."""
        directory = self.scratch / f"{source.name}-{name.replace(' ', '-')}"
        tensors = load_file(source / WEIGHTS)
        changed = {change(key): tensor for key, tensor in tensors.items()}
        if len(changed) < len(tensors) or set(changed) == set(tensors):
            return None
        shutil.copytree(source, directory)
        save_file(changed, directory / WEIGHTS, metadata={"format": "pt"})
        return directory

    def test_names(self):
        """Names that all tensors of a training tool or another release have."""
        repaired = 0
        for case, source, intact in self.adapters(METHODS):
            for name, change in CHANGES.items():
                directory = self.damaged(source, name, change)
                if directory is None:
                    continue
                with self.subTest(case=str(case), damage=name):
                    output, run = self.repaired(directory)
                    self.assertEqual(run.code, 0, run.json()["left"][:3])
                    self.assert_loads_like(case, output, intact, source)
                    repaired += 1
        self.assertGreaterEqual(repaired, len(METHODS) * 5)

    def test_base_paths(self):
        """Paths of modules that lack a part at their start, or have one more, as only the base model tells."""
        repaired = 0
        prefix = "base_model.model."
        paths = {"less": lambda path: path.split(".", 1)[1], "more": lambda path: f"backbone.{path}"}
        for case, source, intact in self.adapters(METHODS):
            if case.base not in adapter_bases.ARCHITECTURES:
                continue
            model = self.scratch / f"base-{case.base}"
            if not model.exists():
                adapter_bases.save(case.base, model)
            for name, path in paths.items():
                directory = self.damaged(
                    source, name, lambda key: prefix + path(key[len(prefix):]) if key.startswith(prefix) else key)
                if directory is None:  # the paths of an encoder and a decoder would be the same
                    continue
                with self.subTest(case=str(case), damage=name):
                    self.assertEqual(peftkit("validate", directory, "--base", model).code, 1)
                    output, run = self.repaired(directory, "--base", model)
                    self.assertEqual(run.code, 0, run.json()["left"][:3])
                    self.assert_loads_like(case, output, intact, source)
                    repaired += 1
        self.assertGreaterEqual(repaired, len(METHODS))

    def test_prompt_names(self):
        """Names of the whole model that PEFT's own files do not have."""
        for case, source, intact in self.adapters(PROMPT_METHODS[:1]):
            for prefix in ("prompt_encoder.default.", "module.prompt_encoder.default."):
                directory = self.damaged(
                    source, prefix, lambda key: prefix + key.replace("prompt_embeddings", "embedding.weight"))
                with self.subTest(case=str(case), prefix=prefix):
                    output, run = self.repaired(directory)
                    self.assertEqual(run.code, 0, run)
                    self.assert_loads_like(case, output, intact, source)

    def test_whole_adapters(self):
        """Of an adapter that PEFT wrote, nothing is changed but the layout of its files."""
        for case, source, intact in self.adapters(METHODS + PROMPT_METHODS):
            with self.subTest(case=str(case)):
                output, run = self.repaired(source)
                self.assertEqual(run.code, 0, run)
                self.assertEqual(run.json()["repaired"], [])
                self.assertEqual((output / CONFIG).read_bytes(), (source / CONFIG).read_bytes())
                self.assert_loads_like(case, output, intact, source)

    def test_files_and_keys(self):
        """Superseded weights, missing metadata, and keys that no release knows or that have their default."""
        case, source, intact = next(self.adapters(["LORA"]))
        directory = self.scratch / "files"
        shutil.copytree(source, directory)
        tensors = load_file(source / WEIGHTS)
        save_file(tensors, directory / WEIGHTS)
        torch.save({name: torch.zeros_like(tensor) for name, tensor in tensors.items()},
                   directory / "adapter_model.bin")  # fmt: skip
        config = json.loads((source / CONFIG).read_text())
        (directory / CONFIG).write_text(json.dumps({**config, "runtime_config": {"ephemeral_gpu_offload": False}}))
        output, run = self.repaired(directory)
        self.assertEqual(run.code, 0, run)
        codes = {finding["code"] for finding in run.json()["repaired"]}
        self.assertEqual(codes, {"superseded-weights", "no-format-key", "runtime-config"})
        self.assertFalse((output / "adapter_model.bin").exists())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assert_loads_like(case, output, intact, source)

    def test_left_alone(self):
        """A damage that no change of names repairs stays, and is still found."""
        case, source, _ = next(self.adapters(["LORA"]))
        directory = self.scratch / "shape"
        shutil.copytree(source, directory)
        tensors = load_file(source / WEIGHTS)
        name = sorted(tensors)[0]
        tensors[name] = tensors[name][:-1].contiguous()
        save_file(tensors, directory / WEIGHTS, metadata={"format": "pt"})
        output, run = self.repaired(directory)
        self.assertEqual(run.code, 1)
        self.assertEqual(run.json()["left"][0]["tensor"], name)
        self.assertIsNotNone(load(case.base, case.task, output).error)


def files(directory):
    """The contents of the files of a directory, by name."""
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
