#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the console blocks of the documentation, and compare what they print with what the pages show.

    consoles.py [--update] [PAGE...]

$PEFTKIT is the binary, and must be absolute. Each page runs in one shell, in an empty directory with the
repository's Fixtures/; Python code in a block whose fence names a file (```python train.py) is written to it
first. In the shown output `…` alone on a line is any number of lines, and inside a line any text. Standard
error is shown too. --update writes the real output to the pages: look at the difference.

A page fails as well for a shell block that cannot be run and does not say why.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pages import ROOT, blocks, documentation

MARK = "\x1epage-command-ended"
TIME_LIMIT = 600


def commands(text):
    """The commands of a block with the output shown: lines after `$ `, continued by a backslash or a quote."""
    found = []
    open_command = False
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
            open_command = True
        elif open_command and found[-1][0].endswith("\\"):
            found[-1][0] += "\n" + line.removeprefix("> ")
        elif open_command and line.startswith("> "):
            found[-1][0] += "\n" + line[2:]
        elif found:
            found[-1][1].append(line)
            open_command = False
        else:
            raise ValueError(f"the block starts with output: {line}")
    return [(command, drop_end(output)) for command, output in found]


def drop_end(lines):
    """The lines without the empty ones at the end, which separate commands."""
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def pattern(shown):
    """The regular expression of a shown output."""
    parts = []
    for line in shown:
        if line == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*?".join(map(re.escape, line.split("…"))) + r"\n")
    return re.compile("".join(parts))


class Shell:
    """A shell that stays in its directory, and tells the output of each command."""

    def __init__(self, directory, peftkit):
        tools = directory.parent / "bin"
        tools.mkdir()
        (tools / "peftkit").symlink_to(peftkit)
        path = [str(tools)]
        if (python := ROOT / ".interop-venv/bin").exists():
            path.append(str(python))
        environment = os.environ | {
            "PATH": ":".join([*path, os.environ["PATH"]]), "COLUMNS": "300", "LANG": "C.UTF-8",
            "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1",
            "HF_HOME": str(directory.parent / "hub"), "TQDM_DISABLE": "1",
        }  # fmt: skip
        self.process = subprocess.Popen(
            ["timeout", str(TIME_LIMIT), "bash", "--norc"], cwd=directory, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, command):
        """The lines that a command prints. The next command sees its exit code in $?."""
        end = f"__code=$?; printf '{MARK}\\n'; (exit $__code)"
        self.process.stdin.write(f"{command}\n{end}\n")
        self.process.stdin.flush()
        text = ""
        for line in self.process.stdout:
            if line.endswith(MARK + "\n"):
                text += line[: -len(MARK) - 1]
                return drop_end(text.splitlines())
            text += line
        raise RuntimeError(f"the shell ended or ran longer than {TIME_LIMIT} s: {text}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def check(page, peftkit, update):
    """The number of commands of a page, and what is wrong with it."""
    problems, count, changes = [], 0, []
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "page"
        directory.mkdir()
        shutil.copytree(ROOT / "Fixtures", directory / "Fixtures")
        shell = Shell(directory, peftkit)
        for block in blocks(page):
            if block.language == "python" and block.info:
                (directory / block.info).write_text(block.text)
            if block.language in ("sh", "bash", "shell", "") and block.reason is None:
                if block.language or block.text.startswith("$ "):
                    problems.append(f"{block.place}: write a console block, or say why it is not run")
            if block.language != "console" or block.reason is not None:
                continue
            real = []
            for command, shown in commands(block.text):
                count += 1
                printed = shell.run(command)
                same = pattern(shown).fullmatch("".join(line + "\n" for line in printed))
                real += [f"$ {command}", *(shown if same else printed)]
                if not same and not update:
                    text = "\n".join(["shown:", *shown, "printed:", *printed])
                    problems.append(f"{block.place}: $ {command}\n{text}")
            changes.append((block, "\n".join(real) + "\n"))
        shell.close()
    if update:
        text = page.read_text()
        for block, new in reversed(changes):
            if normalized(new) != normalized(block.text):
                text = text[: block.start] + new + text[block.end :]
        page.write_text(text)
    return count, problems


def normalized(text):
    return [line for line in text.splitlines() if line]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write the real output to the pages")
    parser.add_argument("pages", nargs="*")
    options = parser.parse_args()
    peftkit = Path(os.environ["PEFTKIT"]).resolve(strict=True)
    total = failed = 0
    for page in documentation(options.pages):
        count, problems = check(page, peftkit, options.update)
        total += count
        failed += len(problems)
        for problem in problems:
            print(problem, file=sys.stderr)
        if count or problems:
            print(f"{page.relative_to(ROOT)}: {count} commands, {len(problems)} problems")
    if failed or not total:
        sys.exit(f"error: {failed} problems in {total} commands of the documentation")


if __name__ == "__main__":
    main()
