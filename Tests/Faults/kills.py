# SPDX-License-Identifier: Apache-2.0
"""kill -9, and the signals that a program may answer, at any moment."""

import signal
import time

import tracing
from commands import COMMANDS
from suite import Case, Skip
from workspace import Problem, Workspace

RANDOM_KILLS = 240
INTERRUPTS = 40
KILL_CALLS = set(tracing.CALLS) - {"read", "newfstatat", "fstat", "statx", "getdents64", "pread64"}


def random_kills(suite):
    """SIGKILL after a random part of the time that the command takes."""
    commands = [command for command in COMMANDS if not command.always]
    rounds = -(-RANDOM_KILLS // len(commands))
    return [
        Case(f"kill/{command.name}/{round}", lambda c=command, r=round: random_kill(suite, c, r))
        for round in range(rounds)
        for command in commands
    ]


def random_kill(suite, command, round):
    fraction = suite.random(f"kill/{command.name}/{round}").uniform(0, 1.2)
    delay = fraction * suite.duration(command)
    with Workspace(suite, command) as workspace:
        process = workspace.start()
        time.sleep(delay)
        process.kill()
        workspace.finish(process)
        workspace.expect_intact_source()
        workspace.expect_state(workspace.untouched, "new")
        workspace.leftovers()
        workspace.expect_recovery()


def kills_at_calls(suite):
    """SIGKILL just before a system call, so that the command stops between any two of them."""
    if reason := tracing.unavailable():
        return Skip(reason)
    cases = []
    for command in COMMANDS:
        by_call = {}
        for point in suite.points(command):
            if point.call in KILL_CALLS:
                by_call.setdefault(point.call, []).append(point)
        for call, points in by_call.items():
            for point in suite.some(points, f"kill-at/{command.name}/{call}"):
                name = f"kill-at/{command.name}/{call}/{point.number}"
                cases.append(Case(name, lambda c=command, p=point: kill_at(suite, c, p)))
    return cases


def kill_at(suite, command, point):
    for number in point.earlier():
        with Workspace(suite, command) as workspace:
            code, _, _ = suite.traced(workspace, f"{point.call}:signal=KILL:when={number}")
            if code not in (-signal.SIGKILL, 128 + signal.SIGKILL):
                continue
            states = ["new"]
            if point.is_before_placement:
                states.append(workspace.untouched)
            if command.has_gap and workspace.state() == "absent":
                states.append("absent")
            workspace.expect_intact_source()
            workspace.expect_state(*states)
            workspace.leftovers()
            workspace.expect_recovery()
            return
    raise Problem("was not killed")


def interrupts(suite):
    """SIGINT, SIGTERM and SIGHUP: the command cleans up by itself."""
    commands = [command for command in COMMANDS if not command.always]
    cases = []
    for index in range(INTERRUPTS):
        command = commands[index % len(commands)]
        name = f"interrupt/{command.name}/{index}"
        cases.append(Case(name, lambda c=command, n=name: interrupt(suite, c, n)))
    return cases


def interrupt(suite, command, name):
    source = suite.random(name)
    number = source.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    delay = source.uniform(0, 1.2) * suite.duration(command)
    with Workspace(suite, command) as workspace:
        process = workspace.start()
        time.sleep(delay)
        process.send_signal(number)
        code, stderr = workspace.finish(process)
        if code == 0:
            return workspace.expect_success(code, stderr)
        if code != -number:
            raise Problem(f"exit code {code}, not the signal {number}: {stderr.strip()}")
        workspace.expect_state(workspace.untouched)
        workspace.expect_no_leftovers()
        workspace.expect_intact_source()
