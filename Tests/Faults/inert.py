# SPDX-License-Identifier: Apache-2.0
"""Hostile files: whatever they ask for, no other file and no process is touched."""

import re
import subprocess
from pathlib import Path

import tracing
from suite import ROOT, Case, Skip
from workspace import Problem

HOSTILE = ROOT / "Fixtures/torch/hostile"
# Files whose numbers and lengths are wrong.
DAMAGED = ROOT / "Fixtures/gguf/refuse"
# The categories that ask for code, of which several are read with inert objects.
CATEGORIES = ("01", "02", "03", "04", "05", "15")
COMMANDS = (["inspect"], ["inspect", "--strict-pickle"], ["scan"])
# Where the program, its libraries and the description of the machine are.
ALLOWED = ("/lib", "/usr", "/etc/ld", "/etc/local", "/proc", "/sys", "/opt", "/dev")
CALL = re.compile(r'^\d+ +(?P<call>\w+)\((?P<rest>.*)$')
PATH = re.compile(r'"(?P<path>[^"]*)"')


def inert(suite):
    """Nothing in a hostile file is run, opened or connected to."""
    if reason := tracing.unavailable():
        return Skip(reason)
    files = [path for path in sorted(HOSTILE.glob("*.bin")) if path.name[:2] in CATEGORIES]
    files += sorted(DAMAGED.glob("*.gguf"))
    return [Case(f"inert/{path.stem}", lambda p=path: examine(suite, p)) for path in files]


def examine(suite, path):
    root = suite.fresh_directory()
    log = root / "trace"
    for command in COMMANDS:
        words = ["strace", "-f", "-qq", "-o", log, "-e", "trace=%file,%process,%network", suite.peftkit, *command, path]
        run = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=60)
        if run.returncode not in (0, 1, 2):
            raise Problem(f"{command}: exit code {run.returncode}: {run.stderr.strip()[:200]}")
        starts = 0
        for line in log.read_text().splitlines():
            match = CALL.match(line)
            if not match:
                continue
            call, rest = match["call"], match["rest"]
            starts += call.startswith("execve")
            if call in ("fork", "vfork", "socket", "connect"):
                raise Problem(f"{command}: {line[:200]}")
            if call.startswith("clone") and "CLONE_THREAD" not in rest:
                raise Problem(f"{command} starts a process: {line[:200]}")
            name = PATH.search(rest)
            place = name["path"] if name else ""
            # Names next to the file say whether a download has ended.
            own = (*ALLOWED, str(path), str(Path(suite.peftkit).parent))
            if place.startswith("/") and not place.startswith(own):
                raise Problem(f"{command} touches {place}: {line[:200]}")
        if starts > 1:
            raise Problem(f"{command} runs another program")
