# SPDX-License-Identifier: Apache-2.0
"""An interrupted call ends the process that it runs, and leaves nothing half-written."""

import os
import signal
import subprocess
import sys
import threading
import time

import peftkit
import pytest

CONVERT = """
import sys, peftkit
print("ready", flush=True)
try:
    peftkit.convert(sys.argv[1], sys.argv[2], compress=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    raise
"""


def children_of(pid):
    """The processes that a process started."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def is_running(pid):
    """Whether a process, which may be the child of another one, has not ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(") ", 1)[1][0] not in "ZX"
    except OSError:
        return False


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
    return value


def test_ctrl_c(large, tmp_path):
    """SIGINT to Python alone, as a notebook sends it."""
    python = subprocess.Popen(
        [sys.executable, "-c", CONVERT, large, tmp_path / "out.npz"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert python.stdout.readline() == "ready\n"
    (child,) = wait_for(lambda: children_of(python.pid))
    # It is writing.
    wait_for(lambda: list(tmp_path.iterdir()))
    python.send_signal(signal.SIGINT)
    output, errors = python.communicate(timeout=30)
    assert output == "interrupted\n"
    assert "KeyboardInterrupt" in errors
    assert python.returncode == -signal.SIGINT
    assert not os.path.exists(f"/proc/{child}")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_a_process_starts(tmp_path, monkeypatch):
    """The process that has just started is not forgotten."""
    start = subprocess.Popen
    started = []

    def interrupted(*arguments, **options):
        started.append(start(*arguments, **options))
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        return started[0]

    sleeping = tmp_path / "sleeping"
    sleeping.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeping.chmod(0o755)
    monkeypatch.setenv("PEFTKIT", str(sleeping))
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        peftkit.inspect("x")
    assert started[0].returncode == -signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sigterm_ends_python_alone(large, tmp_path):
    """Python does not end what it runs then; the output is whole all the same."""
    output = tmp_path / "out.npz"
    python = subprocess.Popen([sys.executable, "-c", CONVERT, large, output], stdout=subprocess.PIPE, text=True)
    assert python.stdout.readline() == "ready\n"
    (child,) = wait_for(lambda: children_of(python.pid))
    wait_for(lambda: list(tmp_path.iterdir()))
    python.terminate()
    assert python.wait(timeout=30) == -signal.SIGTERM
    wait_for(lambda: not is_running(child), seconds=120)
    assert list(tmp_path.iterdir()) == [output]
    assert peftkit.diff(large, output)


def test_a_process_that_does_not_end_is_killed(tmp_path, monkeypatch):
    """One that ignores SIGTERM, after a while."""
    deaf, up = tmp_path / "deaf", tmp_path / "up"
    deaf.write_text(
        f"#!{sys.executable}\nimport signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(up)!r}, 'w').close()\ntime.sleep(60)\n"
    )
    deaf.chmod(0o755)
    monkeypatch.setenv("PEFTKIT", str(deaf))
    monkeypatch.setattr("peftkit._tool._CLEANUP_SECONDS", 0.2)

    def interrupt():
        wait_for(up.exists)
        os.kill(os.getpid(), signal.SIGINT)

    start = time.monotonic()
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        peftkit.inspect("x")
    assert time.monotonic() - start < 30
    assert children_of(os.getpid()) == []


def test_a_killed_process_is_an_error(tmp_path, monkeypatch):
    dying = tmp_path / "dying"
    dying.write_text("#!/bin/sh\nkill -KILL $$\n")
    dying.chmod(0o755)
    monkeypatch.setenv("PEFTKIT", str(dying))
    with pytest.raises(peftkit.PeftkitError, match="SIGKILL") as caught:
        peftkit.inspect("x")
    assert caught.value.exit_code == -signal.SIGKILL


@pytest.mark.parametrize("content", [None, b"\x7fELF of another machine"])
def test_a_binary_that_cannot_run_is_an_error(content, tmp_path, monkeypatch):
    path = tmp_path / "peftkit"
    if content:
        path.write_bytes(content)
        path.chmod(0o755)
    monkeypatch.setenv("PEFTKIT", str(path))
    with pytest.raises(peftkit.PeftkitError, match="cannot run") as caught:
        peftkit.scan("x")
    assert caught.value.exit_code == 127
