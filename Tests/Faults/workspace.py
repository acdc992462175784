# SPDX-License-Identifier: Apache-2.0
"""A fresh directory for each case, and the judgement of what a run left in it."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

TIMEOUT_SECONDS = 60
TEMPORARY_ENDINGS = (".peftkit-tmp", ".peftkit-old")


class Problem(Exception):
    """What is wrong with a case."""


def contents(path):
    """What a path holds, links themselves: None when nothing is there, else bytes by path below."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(mode):
        return {"": read(path)}
    found = {"": "directory"}
    for directory, names, files in os.walk(path):
        for name in names + files:
            full = Path(directory, name)
            found[str(full.relative_to(path))] = read(full)
    return found


def is_temporary(path):
    return any(part.endswith(TEMPORARY_ENDINGS) for part in Path(path).parts)


def read(path):
    if path.is_symlink():
        return ("link", os.readlink(path))
    return "directory" if path.is_dir() else path.read_bytes()


class Workspace:
    """The directory that one case runs in.

    Its inputs are hard links where they can be: no command may ever write into a file that exists,
    and all of them are compared with what they held.
    """

    def __init__(self, suite, command, root=None):
        self.suite = suite
        self.command = command
        self.root = suite.fresh_directory() if root is None else root
        (self.root / "in").mkdir(exist_ok=True)
        (self.root / "out").mkdir(exist_ok=True)
        self.target = "out/" + command.target
        self.source = self.target if command.in_place else "in/" + command.source
        self._put(command.source, self.source)
        if command.previous:
            self._put(command.previous, self.target)

    def _put(self, name, path):
        source, target = self.suite.inputs.root / name, self.root / path
        is_near = source.stat().st_dev == target.parent.stat().st_dev
        put = os.link if is_near else shutil.copy
        if source.is_dir():
            shutil.copytree(source, target, copy_function=put)
        else:
            put(source, target)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    # Running

    def arguments(self, extra=()):
        words = self.command.arguments.format(source=self.source, target=self.target).split()
        return [str(self.suite.peftkit), *words, *extra]

    def start(self, before=(), environment=None, extra=()):
        """Start the command; `before` is what starts it, for example strace and its options."""
        return subprocess.Popen(
            [*before, *self.arguments(extra)], cwd=self.root, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            env={**os.environ, **(environment or {})})

    def finish(self, process):
        """Wait for the end; returns exit code and standard error. A hang is a problem."""
        try:
            _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Problem(f"no end after {TIMEOUT_SECONDS} s") from None
        return process.returncode, stderr

    def run(self, before=(), environment=None, extra=()):
        return self.finish(self.start(before, environment, extra))

    # Judging

    def expect_intact_source(self):
        if not self.command.in_place:
            expected = self.suite.contents[self.command.source]
            if contents(self.root / self.source) != expected:
                raise Problem("the input has changed")

    def state(self):
        """`old`, `new` or `absent`, by comparing all bytes; anything else is a problem."""
        found = contents(self.root / self.target)
        if found is None:
            return "absent"
        if self.command.piecemeal:
            found = {path: data for path, data in found.items() if not is_temporary(path)}
        before = self.command.stands_before
        old = self.suite.contents[before] if before else None
        if found == old:
            return "old"
        new = self.suite.expected(self.command)
        if found == new:
            return "new"
        if self.command.piecemeal and all(
            value in (new.get(path), (old or {}).get(path)) for path, value in found.items()
        ):
            return "partly"
        raise Problem(f"a partial output has its name: {summary(found)}")

    def expect_state(self, *allowed):
        # A command in place finds the new where the old is the same: copies are such.
        state = self.state()
        if state == "partly" and {"old", "absent"} & set(allowed):
            return state
        if state == "old" and self.suite.makes_the_same(self.command):
            return state
        if state not in allowed:
            raise Problem(f"the output is {state}, not {' or '.join(allowed)}")
        return state

    @property
    def untouched(self):
        """The state before the run."""
        return "old" if self.command.stands_before else "absent"

    def leftovers(self):
        """The temporaries beside the output; what else is there by mistake is a problem."""
        names = set(os.listdir(self.root / "out")) - {self.command.target}
        if self.command.piecemeal:
            below = contents(self.root / self.target) or {}
            names |= {path for path in below if is_temporary(path)}
        strange = {name for name in names if not is_temporary(name)}
        strange |= set(os.listdir(self.root / "in")) - {self.command.source}
        if strange:
            raise Problem(f"unexpected files: {sorted(strange)}")
        return sorted(names)

    def expect_no_leftovers(self):
        if names := self.leftovers():
            raise Problem(f"temporaries are left: {names}")

    def expect_success(self, code, stderr):
        if code != 0:
            raise Problem(f"exit code {code}, not 0: {stderr.strip()}")
        self.expect_state("new")
        self.expect_no_leftovers()
        self.expect_intact_source()

    def expect_failure(self, code, stderr, *states, leftovers=False):
        """Exit code 2, an error that names a path, and the output in one of `states`.

        `stderr` is None where standard error could not be written.
        """
        if code != 2:
            raise Problem(f"exit code {code}, not 2: {(stderr or '').strip()}")
        paths = {self.source, self.target}
        starts = tuple(f"error: {path}{end}" for path in paths for end in (":", "/"))
        if stderr is not None and not any(
            line.startswith(starts) for line in stderr.splitlines()
        ):
            raise Problem(f"no error that names {' or '.join(paths)}: {stderr.strip()!r}")
        self.expect_state(*(states or (self.untouched,)))
        if not leftovers:
            self.expect_no_leftovers()
        self.expect_intact_source()

    def expect_recovery(self):
        """A normal run afterwards succeeds and leaves nothing of the run before it."""
        if self.state() == "absent" and self.command.stands_before:
            self._expect_return()
        force = () if "--force" in self.command.arguments else ("--force",)
        self.expect_success(*self.run(extra=force))

    def _expect_return(self):
        """What a gap has hidden comes back when anything is written beside it."""
        if not self.command.has_gap:
            raise Problem("the old output is gone, and no new one has its name")
        other = self.root / "out/other.safetensors"
        source = self.suite.inputs.root / "small.bin"
        subprocess.run([self.suite.peftkit, "convert", source, other], check=True, timeout=60)
        other.unlink()
        self.expect_state("old")
        self.expect_no_leftovers()


def summary(found):
    return {path: len(data) if isinstance(data, bytes) else data for path, data in found.items()}
