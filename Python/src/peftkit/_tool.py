# SPDX-License-Identifier: Apache-2.0
"""Finding the binary, and running it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sysconfig
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ._errors import PeftkitError, UsageError

# The exit codes of a check that found something and of wrong usage, and that of shells for what cannot be run.
_FOUND = 1
_WRONG_USAGE = 64
_CANNOT_RUN = 127

# How long an interrupted process may take to remove its temporary files, in seconds.
_CLEANUP_SECONDS = 10

StrPath = str | os.PathLike[str]
Option = StrPath | int | float | Mapping[str, str] | Iterable[str] | None  # `True` is a flag


@dataclass(frozen=True)
class Output:
    """What a finished process printed."""

    exit_code: int
    stdout: bytes
    # The errors, each with its hint, and the notes, without their labels.
    errors: tuple[tuple[str, str | None], ...]
    notes: tuple[str, ...]


def executable() -> str:
    """The path of the binary: that of the environment variable PEFTKIT, else the installed one."""
    if override := os.environ.get("PEFTKIT"):
        return override
    for directory in _script_directories():
        path = directory / "peftkit"
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise PeftkitError(
        "the peftkit binary is not installed", _CANNOT_RUN, hint="install the wheel of peftkit for this platform"
    )


def _script_directories() -> Iterator[Path]:
    """Where the binary of a wheel is, the likeliest first."""
    packages = Path(__file__).resolve().parents[1]
    # Where auditwheel moves a binary that it gives libraries.
    yield packages / "peftkit.scripts"
    # `pip install --target DIRECTORY`, as Ray does for the modules of a task.
    yield packages / "bin"
    # `pip install --prefix PREFIX` and most environments: PREFIX/lib/python3.X/site-packages.
    yield from (prefix / "bin" for prefix in packages.parents[2:3])
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user")))


def arguments_of(options: Mapping[str, Option]) -> list[str]:
    """The arguments for options: nothing for None and False, a flag for True, else one argument for each value."""
    arguments = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            arguments.append(option)
        else:
            arguments += [f"{option}={text}" for text in _texts(option, value)]
    return arguments


def _texts(option: str, value: Option) -> Iterator[str]:
    if isinstance(value, (str, int, float)):
        yield str(value)
    elif isinstance(value, os.PathLike):
        yield os.fsdecode(value)
    elif isinstance(value, Mapping):
        for key, text in value.items():
            if "=" in key:
                raise UsageError(f"{option}: the key {key!r} contains '='", _WRONG_USAGE)
            yield f"{key}={text}"
    elif value is not None:
        yield from value


def call(
    command: str,
    options: Mapping[str, Option],
    paths: Iterable[StrPath],
    codes: Iterable[int],
    more: Iterable[str] = (),
) -> Output:
    """Run a command.

    Args:
        command: the name of the command.
        options: its options by name, with underscores.
        paths: its positional arguments; none of them is taken for an option.
        codes: the exit codes that are results.
        more: further arguments, whose order has a meaning.

    Raises:
        PeftkitError: for any other exit code.
    """
    # A path that begins with a dash is a path.
    output = execute([command, *arguments_of(options), *more, "--", *map(os.fsdecode, paths)])
    # Exit code 1 without a result is that of a wrapper or a shell.
    if output.exit_code not in codes or (output.exit_code == _FOUND and not output.stdout):
        raise error_of(output)
    return output


def execute(arguments: list[str]) -> Output:
    """Run the binary with arguments, to its end."""
    path = executable()
    process = None
    try:
        with _interrupts_held_back():
            process = subprocess.Popen(
                [path, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                # Whatever the user's terminal shows, labels of messages are without colors.
                env={**os.environ, "NO_COLOR": "1"},
            )  # fmt: skip
        stdout, stderr = process.communicate()
    except BaseException as error:
        if process:
            _end(process)
        elif isinstance(error, OSError):
            raise PeftkitError(f"{path}: cannot run: {error.strerror}", _CANNOT_RUN) from error
        raise
    errors, notes = _messages(stderr.decode(errors="replace"), process.returncode)
    return Output(process.returncode, stdout, errors, notes)


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back, so that it does not come between the start of a process and the variable that has it."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: caught.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    for arguments in caught[-1:]:
        handler(*arguments)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, which removes its temporary files; a second interruption, or a long wait, kills it."""
    process.terminate()
    try:
        process.wait(_CLEANUP_SECONDS)
    except BaseException:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def _messages(text: str, exit_code: int) -> tuple[tuple[tuple[str, str | None], ...], tuple[str, ...]]:
    """The errors with their hints, and the notes, on standard error (spec/command-line.md, L3)."""
    if exit_code == _WRONG_USAGE:
        message = text.split("\nUsage: ")[0].split("\nHelp: ")[0].removeprefix("Error: ").strip()
        return ((message, None),), ()
    errors: list[tuple[str, str | None]] = []
    notes = []
    for line in text.splitlines():
        label, _, rest = line.partition(": ")
        if label == "error":
            errors.append((rest, None))
        elif label == "hint" and errors:
            errors[-1] = (errors[-1][0], rest)
        elif label == "note":
            notes.append(rest)
    return tuple(errors), tuple(notes)


def error_of(output: Output, result: object = None) -> PeftkitError:
    """The exception for a process that ended without a result."""
    code = output.exit_code
    message = "\n".join(message for message, _ in output.errors)
    if code < 0:
        name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
        message = f"peftkit was ended by {name}"
    kind = UsageError if code == _WRONG_USAGE else PeftkitError
    hints = [hint for _, hint in output.errors if hint]
    return kind(message or f"peftkit ended with exit code {code}", code, "\n".join(hints) or None, output.notes, result)
