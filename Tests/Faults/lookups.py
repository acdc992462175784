# SPDX-License-Identifier: Apache-2.0
"""How often a command that only reads looks a path up."""

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import tracing
from inputs import NAMES
from suite import ROOT, Case, Skip
from workspace import Problem

# Calls that take a path; `?` lets strace start on machines that lack the call.
CALLS = "open openat openat2 stat lstat newfstatat statx access faccessat faccessat2 readlink".split()
LINE = re.compile(r'^\d+ +\w+\((?:[\w-]+<(?P<directory>[^>]*)>, )?"(?P<name>[^"]*)"')

COMMANDS = ["inspect", "diff", "validate", "scan", "metadata", "report"]
KINDS = ["file", "adapter", "model", "distributed"]


def lookups(suite):
    """Each file is looked up once: what was opened is what is read, and no time is lost."""
    if reason := tracing.unavailable():
        return Skip(reason)
    return [Case(f"lookups/{command}/{kind}", lambda c=command, k=kind: look_up(suite, c, k))
            for command in COMMANDS for kind in KINDS
            if kind == "file" or command != "metadata" and (command, kind) != ("scan", "distributed")]


def look_up(suite, command, kind):
    root = suite.fresh_directory()
    paths = [make(suite, root / name, kind) for name in (("a", "b") if command == "diff" else "a")]
    log = root / "trace"
    words = ["strace", "-f", "-qq", "-y", "-o", log, "-e",
             "trace=" + ",".join("?" + call for call in CALLS), suite.peftkit, command, *paths]
    if command == "report":
        words += ["-o", root / "page.html"]
    run = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=60)
    if run.returncode not in (0, 1):
        raise Problem(f"exit code {run.returncode}: {run.stderr.strip()}")
    counts = Counter(found(log.read_text(), root, paths))
    weights = {"model": "shard", "distributed": ".distcp"}.get(kind, "model.safetensors")
    if not any(weights in path for path in counts):
        raise Problem(f"no weights in the trace: {sorted(counts)}")
    for path, count in counts.items():
        if count > 1:
            raise Problem(f"{path} is looked up {count} times")


def make(suite, path, kind):
    """A checkpoint of a kind; returns its path."""
    inputs = suite.inputs.root
    if kind == "adapter":
        shutil.copytree(inputs / "small-adapter", path)
        return path
    if kind == "distributed":
        shutil.copytree(ROOT / "Fixtures" / "distributed" / "state-dict", path)
        return path
    path.mkdir()
    if kind == "file":
        return shutil.copy(inputs / "small.safetensors", path / "model.safetensors")
    (path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    shards = {NAMES[0]: "shard-1.safetensors", NAMES[1]: "shard-2.safetensors"}
    for tensor, shard in shards.items():
        subprocess.run(
            [suite.peftkit, "convert", inputs / "small.safetensors", path / shard, "--include",
             tensor], check=True, timeout=60, capture_output=True)
    index = {"metadata": {}, "weight_map": shards}
    (path / "model.safetensors.index.json").write_text(json.dumps(index))
    return path


def found(log, root, paths):
    """The paths below the root that a trace looks up, in its order; not those of descriptors."""
    for line in log.splitlines():
        match = LINE.match(line)
        if match and match["name"]:
            path = str(Path(match["directory"] or root, match["name"]))
            if path.startswith(tuple(map(str, paths))):
                yield path
