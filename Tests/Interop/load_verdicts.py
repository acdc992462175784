# SPDX-License-Identifier: Apache-2.0
"""What tests of single adapters share: making them with real PEFT, changing them, and comparing the verdicts."""

import json
import shutil

import adapter_bases
from adapter_corpus import Case, build, quiet
from adapter_loading import load
from safetensors.torch import load_file, save_file
from support import InteropTest, peftkit


class LoadVerdictTest(InteropTest):
    def make(self, method, base, task=None, **values):
        """An adapter of real PEFT, new for each call."""
        self.count = getattr(self, "count", 0) + 1
        directory = self.scratch / f"adapter{self.count}"
        task = task or adapter_bases.default_task(base)
        build(Case(method, "verdict", base, task, values), directory, self.count)
        return directory

    def base(self, name):
        directory = self.scratch / "bases" / name
        if not directory.exists():
            with quiet():
                adapter_bases.save(name, directory)
        return directory

    def changed(self, directory, name="changed", tensors=None, **keys):
        """A copy with other keys, or with other tensors."""
        copy = self.scratch / name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(directory, copy)
        path = copy / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))
        if tensors:
            file = copy / "adapter_model.safetensors"
            save_file({k: v.contiguous() for k, v in tensors(load_file(file)).items()}, file, {"format": "pt"})
        return copy

    def errors(self, directory, *options):
        run = peftkit("validate", directory, "--json", *options)
        self.assertIn(run.code, (0, 1), str(run))
        return [one for one in run.json()["findings"] if one["severity"] == "error"]

    def problem(self, directory, intact, *options, key=None):
        """How the verdict differs from PEFT's; None if it does not."""
        case = Case.of(directory)
        with quiet():
            worse = load(case.base, case.task, directory).worse_than(intact)
        errors = self.errors(directory, *options)
        refused = [one for one in worse if not one.startswith("warnings")]
        if bool(errors) != bool(refused):
            return f"PEFT {refused[:1]}, peftkit {[(one['code'], one['message'][:120]) for one in errors]}"
        if key and errors and key not in {one.get("key") for one in errors}:
            return f"{key} is not named: {errors}"
        return None

    def intact(self, directory):
        case = Case.of(directory)
        with quiet():
            outcome = load(case.base, case.task, directory)
        self.assertIsNone(outcome.error)
        return outcome
