# SPDX-License-Identifier: Apache-2.0
"""System calls that fail, each of them, one at a time."""

import re

import tracing
from commands import COMMANDS, named
from suite import Case, Skip
from workspace import Problem, Workspace

# What each call may fail with, and how the command is to take it: `fails` (exit code 2), `succeeds`
# (there is another way), `either` (depends on what the call is for).
FAULTS = [
    ("pwrite64", "ENOSPC", "fails"),
    ("pwrite64", "EIO", "fails"),
    ("pwrite64", "EDQUOT", "fails"),
    ("read", "EIO", "fails"),
    ("pread64", "EIO", "fails"),
    ("openat", "EIO", "either"),
    ("openat", "EMFILE", "either"),
    ("fsync", "EIO", "fails"),
    ("fsync", "ENOSPC", "fails"),
    ("close", "EIO", "either"),
    ("rename", "EIO", "fails"),
    ("renameat2", "EIO", "fails"),
    ("renameat2", "EINVAL", "succeeds"),
    ("link", "EIO", "fails"),
    ("fchmod", "EPERM", "fails"),
    ("mkdir", "ENOSPC", "fails"),
    ("unlink", "EIO", "either"),
    ("rmdir", "EIO", "either"),
    ("getdents64", "EIO", "either"),
    ("newfstatat", "EIO", "either"),
    ("fallocate", "ENOSPC", "fails"),
    ("fallocate", "EIO", "fails"),
    ("fallocate", "EOPNOTSUPP", "succeeds"),
    ("fallocate", "ENOSYS", "succeeds"),
    ("copy_file_range", "EXDEV", "succeeds"),
    ("copy_file_range", "ENOSYS", "succeeds"),
    ("copy_file_range", "EOPNOTSUPP", "succeeds"),
    ("copy_file_range", "EIO", "fails"),
    ("copy_file_range", "ENOSPC", "fails"),
    ("sync_file_range", "EIO", "succeeds"),
    ("clone3", "EAGAIN", "succeeds"),
]
# Every one of these, however many.
EVERY = {("pwrite64", "ENOSPC"), ("fsync", "EIO"), ("rename", "EIO"), ("close", "EIO")}
# Other reasons for the same failures: small outputs are enough.
VARIANTS = {("pwrite64", "EDQUOT"), ("fsync", "ENOSPC"), ("openat", "EMFILE")}
# What may be interrupted by a signal, by the manual.
INTERRUPTIBLE = """openat read pread64 write pwrite64 copy_file_range fallocate fsync close rename renameat2
    link unlink rmdir mkdir fchmod getdents64""".split()
# What cleaning up is made of: when it fails after the output has its name, something stays for the
# next run to sweep.
CLEANING = {"unlink", "rmdir", "getdents64", "openat", "newfstatat", "fsync"}


def errors(suite):
    """Every call of the table, every time that it is made."""
    if reason := tracing.unavailable():
        return Skip(reason)
    cases = []
    for command in COMMANDS:
        for call, error, outcome in FAULTS:
            if any(fault.startswith(call + ":") for fault in command.always):
                continue
            if command.is_large and (call, error) in VARIANTS and not suite.is_thorough:
                continue
            points = [point for point in suite.points(command) if point.call == call]
            if (call, error) not in EVERY:
                points = suite.some(points, f"error/{command.name}/{call}/{error}")
            for point in points:
                name = f"error/{command.name}/{call}/{error}/{point.number}"
                cases.append(Case(
                    name, lambda c=command, p=point, e=error, o=outcome: fail(suite, c, p, e, o)))
    return cases


def fail(suite, command, point, error, outcome):
    if point.is_for_output and point.call in ("openat", "close"):
        outcome = "fails"
    for number in point.earlier():
        with Workspace(suite, command) as workspace:
            code, stderr, log = suite.traced(workspace, f"{point.call}:error={error}:when={number}")
            lines = [line for line in log.splitlines() if re.search(rf"\b{point.call}\b", line)]
            if not any("(INJECTED)" in line for line in lines):
                continue
            if outcome == "succeeds" or code == 0 and outcome == "either":
                return workspace.expect_success(code, stderr)
            if point.is_before_placement:
                return workspace.expect_failure(code, stderr)
            may_stay = point.call in CLEANING
            workspace.expect_failure(code, stderr, "new", workspace.untouched, leftovers=may_stay)
            if workspace.leftovers():
                workspace.expect_recovery()
            return
    raise Problem("nothing was injected")


def interruptions(suite):
    """EINTR from every second call: made again, with nothing to be seen of it."""
    if reason := tracing.unavailable():
        return Skip(reason)
    cases = []
    for command in COMMANDS:
        for call in INTERRUPTIBLE:
            numbers = [point.number for point in suite.points(command) if point.call == call]
            if any(fault.startswith(call + ":") for fault in command.always):
                continue
            for first in sorted(numbers)[:2]:
                name = f"interrupted/{command.name}/{call}/{first}"
                cases.append(Case(
                    name, lambda c=command, k=call, f=first: interrupted(suite, c, k, f)))
    return cases


def interrupted(suite, command, call, first):
    with Workspace(suite, command) as workspace:
        code, stderr, _ = suite.traced(workspace, f"{call}:error=EINTR:when={first}+2")
        workspace.expect_success(code, stderr)


def abandoned(suite):
    """Reading fails while the thread that writes is held up: it must not go on with a descriptor
    that is closed, whose number may by then be another file's."""
    if reason := tracing.unavailable():
        return Skip(reason)
    cases = []
    for command in map(named, ("torch-large", "safetensors-large", "directory-forced")):
        reads = [point for point in suite.points(command) if point.call == "pread64"]
        for point in reads[-8:]:
            name = f"abandoned/{command.name}/{point.number}"
            cases.append(Case(name, lambda c=command, p=point: abandon(suite, c, p)))
    return cases


def abandon(suite, command, point):
    for number in point.earlier():
        with Workspace(suite, command) as workspace:
            code, stderr, log = suite.traced(
                workspace, f"pread64:error=EIO:when={number}", "pwrite64:delay_enter=20000")
            if "(INJECTED)" in log:
                return workspace.expect_failure(code, stderr)
    raise Problem("nothing was injected")
