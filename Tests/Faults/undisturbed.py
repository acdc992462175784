# SPDX-License-Identifier: Apache-2.0
"""Undisturbed runs, and what they make of temporaries that others left."""

import os
import platform
import re
import subprocess

import tracing
from commands import COMMANDS, named
from inputs import tensors_in_safetensors, tensors_in_torch
from suite import Case, Skip
from workspace import Problem, Workspace, contents


def normal_runs(suite):
    """What all other groups compare with: the output holds the input's tensors, and is the same in
    every run; without --force nothing is replaced."""
    cases = [Case(f"undisturbed/{c.name}", lambda c=c: normal(suite, c)) for c in COMMANDS]
    return cases + [Case(f"refused/{c.name}", lambda c=c: refused(suite, c))
                    for c in COMMANDS if c.stands_before]


def normal(suite, command):
    with Workspace(suite, command) as workspace:
        workspace.expect_success(*workspace.run())
        if not command.holds_tensors:
            return
        path = workspace.root / workspace.target
        if path.is_dir():
            path = next(path.glob("adapter_model.*"))
        is_torch = path.suffix == ".bin"
        found = tensors_in_torch(path) if is_torch else tensors_in_safetensors(path.read_bytes())
        size = "large" if command.is_large else "small"
        source = (suite.inputs.root / f"{size}.safetensors").read_bytes()
        if found != tensors_in_safetensors(source):
            raise Problem("the output does not hold the tensors of the input")


def refused(suite, command):
    with Workspace(suite, command) as workspace:
        words = [word for word in workspace.arguments() if word != "--force"]
        process = subprocess.Popen(
            words, cwd=workspace.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        workspace.expect_failure(*workspace.finish(process), "old")


def flushes(suite):
    """A power cut cannot be tried here; the order of calls that makes it harmless can be seen."""
    if reason := tracing.unavailable():
        return Skip(reason)
    return [Case(f"flushes/{c.name}", lambda c=c: flush_order(suite, c)) for c in COMMANDS]


def flush_order(suite, command):
    """Data and names below reach the drive before the output has its name, and this one before
    anything that it replaces is removed."""
    points = suite.points(command)
    calls = sorted((place, point.call, line) for point in points
                   for place, line in zip(point.places, point.lines))
    flushed = {}
    for place, call, line in calls:
        if call == "fsync" and line.endswith(") = 0"):
            flushed.setdefault(re.search(r"<.*/(out.*)>", line)[1], place)
    if "--no-sync" in command.arguments:
        if flushed:
            raise Problem(f"flushed all the same: {sorted(flushed)}")
        return
    placed = max(
        place for place, call, line in calls
        if call in tracing.PLACEMENTS and tracing.is_final(line) and line.endswith(") = 0"))
    made = [re.search(r'"(.*?)"', line)[1] for place, call, line in calls
            if call == "mkdir" or call == "openat" and "O_CREAT" in line]
    # What is gone by then, such as a file for intermediate results, is no part of the output.
    gone = {re.search(r'"(.*?)"', line)[1] for place, call, line in calls
            if call in ("unlink", "unlinkat", "rmdir") and line.endswith(") = 0") and place < placed}
    for path in made:
        if path not in gone and not path.endswith(".peftkit-old") and not flushed.get(path, placed) < placed:
            raise Problem(f"{path} has its name before it is flushed")
    removals = [place for place, call, line in calls
                if call in ("unlink", "rmdir") and place > placed and command.stands_before]
    if not placed < flushed.get("out", 0) < min(removals, default=1 << 60):
        raise Problem("the new name is not flushed, or not before the old output is removed")


def sweeping(suite):
    """Temporaries of dead processes of this host go, and nothing else."""
    cases = [Case(f"sweep/{name}/{kind}", lambda n=name, k=kind: sweep(suite, named(n), k))
             for name in ("torch", "directory-forced") for kind in LEFT]
    return cases + [
        Case(f"set-aside/{kind}/{has_successor}",
             lambda k=kind, s=has_successor: set_aside(suite, k, s))
        for kind in SET_ASIDE for has_successor in (False, True)]


def dead_process():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def own_host():
    """The host as temporaries name it: in a container with its number of namespace."""
    namespace = os.stat("/proc/self/ns/pid").st_ino
    of_host = 0xEFFFFFFC
    return platform.node() + ("" if namespace == of_host else f"-{namespace}")


def left_name(process, host=None, ending="peftkit-tmp"):
    return f".model.bin.{host or own_host()}.{process}.1.{ending}"


# What was left: whether it goes, and how it is named.
LEFT = {
    "of a dead process": (True, lambda: left_name(dead_process())),
    "of a live process": (False, lambda: left_name(os.getpid())),
    "of another host": (False, lambda: left_name(dead_process(), "elsewhere.example")),
    "of another container": (False, lambda: left_name(dead_process(), platform.node() + "-1")),
    "with another ending": (False, lambda: left_name(dead_process(), ending="tmp")),
    "by a user": (False, lambda: "notes.peftkit-tmp"),
}


def sweep(suite, command, kind):
    goes, name = LEFT[kind]
    with Workspace(suite, command) as workspace:
        out = workspace.root / "out"
        precious = workspace.root / "precious"
        precious.mkdir()
        (precious / "file").write_bytes(b"precious")
        name = name()
        (out / name).write_bytes(b"half")
        directory = out / name.replace(".1.", ".2.").replace("notes", "notes2")
        (directory / "deep").mkdir(parents=True)
        (directory / "deep/link").symlink_to(precious)
        (directory / "file").write_bytes(b"half")
        code, stderr = workspace.run()
        if code != 0:
            raise Problem(f"exit code {code}: {stderr.strip()}")
        left = [path.exists() for path in (out / name, directory)]
        if left != [not goes] * 2:
            raise Problem(f"of the file and the directory are left: {left}")
        if contents(precious) != {"": "directory", "file": b"precious"}:
            raise Problem("what a link in the directory led to is gone")


# Names of directories that were being replaced when the process was killed.
SET_ASIDE = {
    "plain": b"model",
    "with dots": b"a.b.1.2.c",
    "of 255 bytes": b"m" * 255,
    "not UTF-8": b"model-\xff\xfe",
}


def set_aside(suite, kind, has_successor):
    """What has no successor comes back; what has one goes."""
    name = SET_ASIDE[kind]
    with Workspace(suite, named("torch")) as workspace:
        out = os.fsencode(workspace.root / "out")
        container = os.path.join(out, os.fsencode(left_name(dead_process(), ending="peftkit-old")))
        os.makedirs(os.path.join(container, name, b"deep"))
        if has_successor:
            os.mkdir(os.path.join(out, name))
        code, stderr = workspace.run()
        if code != 0:
            raise Problem(f"exit code {code}: {stderr.strip()}")
        if os.path.exists(container):
            raise Problem("what was set aside is still there")
        if os.listdir(os.path.join(out, name)) != ([] if has_successor else [b"deep"]):
            raise Problem("not the right directory has the name")
