# SPDX-License-Identifier: Apache-2.0
"""Models in the cache of the Hub, which the real huggingface_hub filled from a server on this machine."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from huggingface_hub import scan_cache_dir, try_to_load_from_cache
from hub import LocalHub, commit_of
from support import FIXTURES, PEFTKIT, InteropTest, Run

LORA, MPT = FIXTURES / "adapters/lora", FIXTURES / "adapters/mpt-causal-lm"
CONFIG, WEIGHTS, TORCH = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
BOTH = [CONFIG, WEIGHTS]
OWNED, PINNED, BARE, PART = "own-er/na_me.x", "team/pinned", "tiny", "team/part"


class HubTest(InteropTest):
    def setUp(self):
        super().setUp()
        self.cache = self.scratch / "cache/hub"
        self.hub = LocalHub()
        self.addCleanup(self.hub.close)
        self.work = self.scratch / "work"
        self.work.mkdir()

    def run_tool(self, *arguments, **environment):
        """Run the binary where no path has the name of a model, with nothing but its cache known."""
        arguments = [str(argument) for argument in arguments]
        environment = environment or {"HF_HUB_CACHE": str(self.cache)}
        done = subprocess.run([PEFTKIT, *arguments], capture_output=True, timeout=60, cwd=self.work, env=environment)
        return Run(arguments, done.returncode, done.stdout, done.stderr.decode())

    def fill(self):
        """Two revisions of an adapter, one that only a commit names, and a model without an owner."""
        self.hub.publish(OWNED, "v1", LORA)
        self.hub.publish(OWNED, "main", MPT)
        self.hub.publish(PINNED, "main", LORA)
        model = self.scratch / "model"
        model.mkdir()
        shutil.copy(LORA / WEIGHTS, model / "model.safetensors")
        (model / "config.json").write_text('{"model_type": "gpt2"}')
        self.hub.publish(BARE, "main", model)
        self.hub.download(self.cache, OWNED, [*BOTH, TORCH])
        self.hub.download(self.cache, OWNED, BOTH, "v1")
        self.hub.download(self.cache, PINNED, BOTH, commit_of(PINNED, "main"))
        self.hub.download(self.cache, BARE, ["model.safetensors", "config.json"])

    def folder(self, repository):
        return self.cache / ("models--" + repository.replace("/", "--"))

    def test_a_name_is_the_snapshot_that_the_library_takes(self):
        self.fill()
        old = commit_of(OWNED, "v1")
        names = {
            OWNED: (OWNED, None), f"{OWNED}@main": (OWNED, "main"), f"{OWNED}@v1": (OWNED, "v1"),
            f"{OWNED}@{old}": (OWNED, old),
        }  # fmt: skip
        for name, (repository, revision) in names.items():
            config = Path(try_to_load_from_cache(repository, CONFIG, self.cache, revision))
            run = self.run_tool("inspect", name, "--json")
            self.assert_code(run, 0)
            self.assertEqual(run.json()["path"], str(config.parent))
            self.assertEqual(run.json()["config"], json.loads(config.read_text()))
        for name in (f"{OWNED}@{old[:9]}", self.folder(OWNED) / "refs/v1"):
            self.assertEqual(self.run_tool("inspect", name, "--json").json()["path"].rsplit("/", 1)[1], old)
        for name in (self.folder(OWNED), f"{self.folder(OWNED)}/", self.folder(OWNED) / "refs/main"):
            self.assertEqual(
                Path(self.run_tool("inspect", name, "--json").json()["path"]).name, commit_of(OWNED, "main"))
        # Nothing but a commit names this one; the only snapshot is meant.
        self.assertEqual(self.run_tool("inspect", PINNED).code, 0)

    def test_every_command(self):
        self.fill()
        reference = FIXTURES / "references/mpt-causal-lm/reference.safetensors"
        for code, arguments in [
            (0, ["inspect", OWNED]), (0, ["config", OWNED]), (0, ["validate", OWNED]), (0, ["scan", OWNED]),
            (0, ["validate", OWNED, "--recursive"]), (0, ["diff", OWNED, MPT]), (1, ["diff", MPT, f"{OWNED}@v1"]),
            (0, ["verify", OWNED, "--reference", reference]), (0, ["convert", OWNED, "converted"]),
            (0, ["convert", BARE, "model"]), (0, ["convert", OWNED, "tree", "--recursive"]),
            (0, ["forward", OWNED, "--tasks", "0", "-o", "prompts.safetensors"]),
            (0, ["repair", OWNED, "-o", "repaired"]), (0, ["mpt", "select", OWNED, "--tasks", "0", "-o", "one"]),
            (0, ["inspect", PINNED, "--base", BARE]),
        ]:  # fmt: skip
            run = self.run_tool(*arguments)
            if arguments[-1] == "--recursive" and arguments[0] == "convert":
                code = 2  # It is an adapter, not a tree of them.
            self.assertEqual(run.code, code, str(run))
        for name in ("converted", "repaired"):
            self.assertEqual((self.work / name / WEIGHTS).read_bytes(), (MPT / WEIGHTS).read_bytes())
            self.assertFalse((self.work / name / WEIGHTS).is_symlink())

    def test_a_path_wins(self):
        self.fill()
        shutil.copytree(LORA, self.work / OWNED)
        run = self.run_tool("inspect", OWNED, "--json")
        self.assertEqual((run.json()["path"], run.json()["config"]["peft_type"]), (OWNED, "LORA"))

    def test_where_the_cache_is(self):
        self.fill()
        home = self.scratch / "home"
        (home / ".cache").mkdir(parents=True)
        shutil.copytree(self.scratch / "cache", home / ".cache/huggingface", symlinks=True)
        parent = self.cache.parent
        for environment in [
            {"HF_HUB_CACHE": self.cache, "HF_HOME": "/nothing", "HOME": "/nothing"},
            {"HUGGINGFACE_HUB_CACHE": self.cache}, {"HF_HOME": parent, "XDG_CACHE_HOME": "/nothing"},
            {"XDG_CACHE_HOME": home / ".cache", "HOME": "/nothing"}, {"HOME": home},
            {"HOME": home, "HF_HOME": "~/.cache/huggingface"},
        ]:  # fmt: skip
            environment = {name: str(value) for name, value in environment.items()}
            self.assertEqual(self.run_tool("inspect", OWNED, **environment).code, 0, environment)

    def test_what_is_missing(self):
        self.fill()
        # Only the config was asked for.
        self.hub.publish(PART, "main", LORA)
        self.hub.download(self.cache, PART, [CONFIG])
        commit = commit_of(PART, "main")
        run = self.run_tool("inspect", PART)
        self.assert_refused(run)
        self.assertIn(f"hint: the cache of the Hub has only the files that programs asked for; "
                      f"hf download {PART} --revision {commit} gets it", run.stderr)  # fmt: skip
        # The download was killed.
        self.hub.stalls = {WEIGHTS}
        process = self.hub.download(self.cache, PART, [WEIGHTS], wait=False)
        self.assertTrue(self.hub.reached_stall.wait(60))
        time.sleep(0.2)
        process.kill()
        process.wait()
        run = self.run_tool("validate", PART)
        self.assert_refused(run)
        self.assertIn("hint: a download did not finish", run.stderr)
        self.assertIn(".incomplete)", run.stderr)
        # The repository has neither weights.
        none = self.scratch / "none"
        none.mkdir()
        shutil.copy(LORA / CONFIG, none / CONFIG)
        self.hub.publish("team/none", "main", none)
        self.hub.download(self.cache, "team/none", [CONFIG, WEIGHTS, TORCH])
        run = self.run_tool("inspect", "team/none")
        self.assert_refused(run)
        self.assertIn("hint: team/none does not have it at this revision", run.stderr)
        # A blob was deleted.
        link = self.folder(OWNED) / "snapshots" / commit_of(OWNED, "main") / WEIGHTS
        link.resolve().unlink()
        for command in ("inspect", "validate"):
            run = self.run_tool(command, OWNED)
            self.assert_refused(run)
            self.assertIn("is a symbolic link to ../../blobs/", run.stderr)
        # The cache has not the model, or not the revision.
        run = self.run_tool("inspect", "team/nothing")
        self.assert_refused(run, "team/nothing")
        self.assertIn("hint: hf download team/nothing gets it", run.stderr)
        run = self.run_tool("inspect", f"{OWNED}@v9")
        self.assert_refused(run)
        self.assertIn("it knows main, v1, ", run.stderr)
        self.assertIn(f"hf download {OWNED} --revision v9", run.stderr)
        self.assert_refused(self.run_tool("inspect", "nothing"), "nothing")

    def test_a_cache_without_links(self):
        """As on systems that have none."""
        self.hub.publish(OWNED, "main", MPT)
        self.hub.download(self.cache, OWNED, [*BOTH, TORCH], variables={"HF_HUB_DISABLE_SYMLINKS": "1"})
        weights = self.folder(OWNED) / "snapshots" / commit_of(OWNED, "main") / WEIGHTS
        self.assertFalse(weights.is_symlink())
        for arguments in (["inspect", OWNED], ["validate", self.cache, "--recursive"], ["scan", self.cache]):
            self.assert_code(self.run_tool(*arguments), 0)

    def test_whole_caches(self):
        self.fill()
        used = {}
        for repository in scan_cache_dir(self.cache).repos:
            main = [r for r in repository.revisions if "main" in r.refs]
            for revision in main or repository.revisions:
                used[str(revision.snapshot_path)] = repository.repo_id
        self.assertEqual(sorted(used.values()), sorted([OWNED, PINNED, BARE]))
        run = self.run_tool("validate", self.cache, "--recursive", "--json")
        lines = [json.loads(line) for line in run.stdout.decode().splitlines()]
        self.assertEqual(sorted(line["path"] for line in lines[:-1]), sorted(used))
        self.assertEqual(lines[-1]["unreadable"], 0, str(run))

        self.assert_code(self.run_tool("convert", self.cache, "out", "--recursive"), 0)
        records = [json.loads(line) for line in (self.work / "out/peftkit-manifest.jsonl").read_text().splitlines()]
        self.assertEqual(sorted(str(self.cache / record["source"]) for record in records), sorted(used))

        # A scan takes every snapshot, and each file of it once.
        same = commit_of(PINNED, "tag")
        self.hub.publish(PINNED, "tag", LORA)
        self.hub.download(self.cache, PINNED, BOTH, "tag")
        run = self.run_tool("scan", self.cache, "--json")
        self.assert_code(run, 0)
        scanned = [Path(file["path"]).resolve() for file in run.json()["files"]]
        self.assertEqual(len(scanned), len(set(scanned)))
        self.assertEqual(len(scanned), 4)
        self.assertTrue((self.folder(PINNED) / "snapshots" / same / WEIGHTS).resolve() in scanned)
        self.assertTrue(any((self.folder(OWNED) / ".no_exist").rglob(TORCH)))
