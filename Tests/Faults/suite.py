# SPDX-License-Identifier: Apache-2.0
"""What all cases share: the binary, the inputs, known-good outputs, and the running of groups."""

import os
import random
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import tracing
from inputs import Inputs
from workspace import Problem, Workspace, contents

ROOT = Path(__file__).resolve().parents[2]
# Cases wait for drives and delays more than they compute.
PROCESSES = (os.cpu_count() or 1) + 1
# Of calls that are many the first, the last and some between are enough.
MOST_POINTS = 6


@dataclass
class Case:
    """One run and its judgement. `run` raises `Problem`."""

    name: str
    run: Callable[[], None]


@dataclass
class Skip:
    """A group that cannot run here."""

    reason: str


class Suite:
    """The state of a run of the suite."""

    def __init__(self, peftkit, seed, is_thorough=False):
        self.peftkit = Path(peftkit).resolve()
        self.is_thorough = is_thorough
        self.seed = seed
        self.scratch = Path(tempfile.mkdtemp(prefix="peftkit-faults-"))
        (self.scratch / "inputs").mkdir()
        self.inputs = Inputs(self.scratch / "inputs", self.peftkit)
        self.contents = {
            path.name: contents(path) for path in (self.scratch / "inputs").iterdir()}
        self._expected = {}
        self._traces = {}
        self._durations = {}
        self._lock = threading.RLock()
        self.problem_count = 0
        self.case_count = 0
        self.skipped = []

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def fresh_directory(self):
        return Path(tempfile.mkdtemp(prefix="case-", dir=self.scratch))

    def random(self, name):
        """The randomness of one case, the same whichever other cases run."""
        return random.Random(f"{self.seed} {name}")

    # Known-good runs

    def expected(self, command):
        """What an undisturbed run writes."""
        with self._lock:
            if command.name not in self._expected:
                with Workspace(self, command) as workspace:
                    code, stderr = workspace.run()
                    if code != 0:
                        raise Problem(f"{command.name} fails undisturbed: {stderr}")
                    self._expected[command.name] = contents(workspace.root / workspace.target)
            return self._expected[command.name]

    def makes_the_same(self, command):
        """Whether the output equals what stood there before, as a copy in place does."""
        before = command.stands_before
        return before is not None and self.expected(command) == self.contents[before]

    def duration(self, command):
        """The seconds that an undisturbed run takes: the middle one of three."""
        with self._lock:
            if command.name not in self._durations:
                times = []
                for _ in range(3):
                    with Workspace(self, command) as workspace:
                        start = time.monotonic()
                        workspace.run()
                        times.append(time.monotonic() - start)
                self._durations[command.name] = sorted(times)[1]
            return self._durations[command.name]

    # Runs under strace

    def points(self, command):
        """The system calls of an undisturbed run."""
        with self._lock:
            if command.name not in self._traces:
                with Workspace(self, command) as workspace:
                    log = workspace.root / "trace"
                    code, stderr = workspace.run(tracing.strace(log, *command.always))
                    if code != 0:
                        raise Problem(f"{command.name} fails under strace: {stderr}")
                    self._traces[command.name] = tracing.points(log.read_text(), self.scratch)
            return self._traces[command.name]

    def some(self, points, name):
        """The first and last points, and a random choice of those between."""
        if self.is_thorough or len(points) <= MOST_POINTS:
            return points
        between = self.random(name).sample(points[2:-2], MOST_POINTS - 4)
        return points[:2] + between + points[-2:]

    def traced(self, workspace, *injections, extra=()):
        """Run a workspace's command with faults; returns exit code, standard error and the log."""
        log = workspace.root / "trace"
        injections = merged(workspace.command.always, injections)
        code, stderr = workspace.run(tracing.strace(log, *injections), extra=extra)
        text = log.read_text(errors="replace")
        log.unlink()
        if " = -1 EBADF" in text:
            raise Problem("a descriptor is used after it was closed")
        return code, stderr, text

    # Groups

    def run_group(self, name, cases, only=None):
        """Run cases side by side and print a line for them."""
        if isinstance(cases, Skip):
            self.skipped.append(name)
            print(f"{name}: skipped: {cases.reason}", flush=True)
            return
        cases = [case for case in cases if only is None or only in case.name]
        if not cases:
            return
        start = time.monotonic()
        with ThreadPoolExecutor(PROCESSES) as pool:
            problems = [problem for problem in pool.map(attempt, cases) if problem]
        self.case_count += len(cases)
        self.problem_count += len(problems)
        seconds = time.monotonic() - start
        print(f"{name}: {len(cases) - len(problems)} passed, {len(problems)} failed "
              f"({seconds:.0f} s)", flush=True)
        for problem in problems:
            print("  FAILED " + problem, flush=True)


def merged(always, injections):
    """All injections; strace takes one for each system call, the one for this case wins."""
    taken = {injection.split(":")[0] for injection in injections}
    return [other for other in always if other.split(":")[0] not in taken] + list(injections)


def attempt(case):
    try:
        case.run()
    except Problem as problem:
        return f"{case.name}: {problem}"
    except Exception as error:  # A fault of the suite is a failure, not the end of it.
        return f"{case.name}: {type(error).__name__}: {error}"
    return None


def seed_from_environment():
    return int(os.environ.get("PEFTKIT_SEED") or random.SystemRandom().randrange(1 << 32))
