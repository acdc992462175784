# SPDX-License-Identifier: Apache-2.0
"""What the interop tests share: running the binary, seeds, and collecting mismatches."""

import json
import os
import random
import subprocess
import sys
import tempfile
import types
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Fixtures"
PEFTKIT = Path(os.environ.get("PEFTKIT", ROOT / ".build/release/peftkit"))
TIMEOUT_SECONDS = 60
PROCESSES = 2
SHOWN_MISMATCHES = 20

sys.path.insert(0, str(FIXTURES))


def _run(path):
    """What the payloads of this suite call: it makes a file, to show that it was called."""
    open(path, "w").close()


# The module of the payloads exists in this process only, so that no file of the suite runs anything elsewhere.
HOSTILE = types.ModuleType("peftkit_hostile_fixture")
HOSTILE.run = _run
_run.__module__, _run.__qualname__, _run.__name__ = HOSTILE.__name__, "run", "run"
sys.modules[HOSTILE.__name__] = HOSTILE


@dataclass
class Run:
    """A finished run of the binary. A negative code is the signal that killed it."""

    arguments: list
    code: int
    stdout: bytes
    stderr: str

    def __str__(self):
        return f"peftkit {' '.join(self.arguments)} -> {self.code}: {self.stderr.strip()[:300]}"

    def json(self):
        return json.loads(self.stdout)


def binary_problem():
    """Why the suite cannot run, or None."""
    if os.access(PEFTKIT, os.X_OK) and PEFTKIT.is_file():
        return None
    return f"There is no peftkit binary at {PEFTKIT}. Build it, or set PEFTKIT to its path."


def peftkit(*arguments):
    """Run the binary; a hang counts as a crash."""
    arguments = [str(argument) for argument in arguments]
    try:
        done = subprocess.run([PEFTKIT, *arguments], capture_output=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return Run(arguments, -99, b"", f"no end after {TIMEOUT_SECONDS} s")
    return Run(arguments, done.returncode, done.stdout, done.stderr.decode(errors="replace"))


MEASURE = """
import os, sys
null = os.open(os.devnull, os.O_WRONLY)
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                     file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def peak_memory(*arguments):
    """Run the binary, and return its exit code, the peak of its memory in bytes, and its errors."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", MEASURE, PEFTKIT, *arguments],
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    code, peak = map(int, done.stdout.split())
    print(f"[{peak >> 10} MiB] ", end="", flush=True)
    return code, peak << 10, done.stderr


def refusal_problem(run, path):
    """What is wrong with a run that should have refused `path` as the contract says, or None."""
    if run.code != 2:
        return f"exit code is not 2: {run}"
    if run.stdout:
        return f"something on stdout: {run}"
    if not any(line.startswith(f"error: {path}: ") for line in run.stderr.splitlines()):
        return f"no 'error: PATH: ' on stderr: {run}"
    return None


class InteropTest(unittest.TestCase):
    """A test case with a scratch directory, a seeded source of randomness, and bulk checks."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="peftkit-interop-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self._random = None

    @property
    def random(self):
        """Seeded by PEFTKIT_SEED, else anew; the seed is printed, to run the same again."""
        if self._random is None:
            seed = os.environ.get("PEFTKIT_SEED") or str(random.SystemRandom().randrange(2**32))
            print(f"PEFTKIT_SEED={seed} ", end="", flush=True)
            self._random = random.Random(f"{seed} {self.id()}")
        return self._random

    def check_all(self, items, problem_of):
        """Fail with what `problem_of` says about items (None is good), a few at a time."""
        items = list(items)
        self.assertTrue(items, "nothing to check")
        with ThreadPoolExecutor(PROCESSES) as pool:
            problems = [problem for problem in pool.map(problem_of, items) if problem]
        shown = "\n".join(f"- {problem}" for problem in problems[:SHOWN_MISMATCHES])
        self.assertFalse(problems, f"{len(problems)} of {len(items)} are wrong:\n{shown}")

    def assert_code(self, run, code):
        self.assertEqual(run.code, code, str(run))

    def assert_refused(self, run, path=None):
        """Exit code 2; with a path also the form of the message."""
        self.assert_code(run, 2)
        if path is not None:
            self.assertIsNone(refusal_problem(run, path))
