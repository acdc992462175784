# SPDX-License-Identifier: Apache-2.0
"""Reads, writes and kernel copies that do less than they are asked to."""

import shutil
import subprocess
from pathlib import Path

from commands import COMMANDS
from suite import Case, Skip
from workspace import Problem, Workspace

ROUNDS = 3


def short_transfers(suite):
    compiler = shutil.which("cc") or shutil.which("clang")
    if not compiler:
        return Skip("there is no C compiler")
    library = suite.scratch / "short_transfers.so"
    source = Path(__file__).with_name("short_transfers.c")
    run = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"],
        capture_output=True, text=True)
    if run.returncode != 0:
        return Skip("the library to preload does not build: " + run.stderr.strip()[:200])
    return [Case(f"short/{c.name}/{r}", lambda c=c, r=r: transfer(suite, c, r, library))
            for c in COMMANDS if not c.always for r in range(ROUNDS)]


def transfer(suite, command, round, library):
    seed = suite.random(f"short/{command.name}/{round}").randrange(1 << 32)
    with Workspace(suite, command) as workspace:
        count = workspace.root / "count"
        environment = {
            "LD_PRELOAD": str(library), "SHORT_SEED": str(seed), "SHORT_COUNT": str(count)}
        workspace.expect_success(*workspace.run(environment=environment))
        if not count.exists() or int(count.read_text()) < 3:
            raise Problem("hardly anything was cut short: is the binary linked statically?")
