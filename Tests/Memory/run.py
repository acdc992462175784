# SPDX-License-Identifier: Apache-2.0
"""Runs the binary under valgrind: no access to memory that is not its own, and no memory that is lost.

    PEFTKIT=.build/release/peftkit python3 Tests/Memory/run.py [--short]

Debugging information is stripped from a copy of the binary: valgrind reads it for minutes. Memory that a constant of the
program keeps may look lost, since Swift packs pointers and flags into one word. So memory counts as lost when a command
loses more on a tree of three copies than on a tree of one.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "Fixtures"
VALGRIND = ["valgrind", "--error-exitcode=99"]

# Commands that read every kind of file; {out} is a directory for outputs. The first ones are the short form.
COMMANDS = [
    "inspect Fixtures/adapters/lora",
    "scan Fixtures/torch/hostile",
    "validate Fixtures/adapters/mpt-unicode",
    "verify Fixtures/adapters/mpt-rank4-f16 --reference Fixtures/references/mpt-rank4-f16/reference.safetensors",
    "convert Fixtures/adapters/lora-bin/adapter_model.bin {out}/lora.safetensors",
    "convert Fixtures/adapters/lora/adapter_model.safetensors {out}/lora.npz --cast BF16",
    "inspect Fixtures/distributed/state-dict",
    "scan Fixtures",
    "validate Fixtures/adapters",
    "validate Fixtures/bridges",
    "convert Fixtures/adapters {out}/tree --to torch",
    "inspect Fixtures/distributed/zero2-bf16",
    "diff Fixtures/adapters/lora Fixtures/adapters/lora-bin",
]
FOLDERS = ["safetensors", "torch", "gguf", "json", "foreign", "configs"]
# Commands on a tree with copies of the fixtures in the list, which must not lose memory for each copy.
TREES = [
    ("scan", ["torch/hostile/accept", "torch/written"], "scan {tree}"),
    ("validate", ["adapters/lora", "adapters/mpt-rank4"], "validate {tree}"),
    ("convert", ["adapters/lora-bin", "adapters/mpt-f16"], "convert {tree} {out}/converted --to safetensors"),
]


def stripped(folder):
    """A copy of the binary without debugging information."""
    copy = pathlib.Path(folder) / "peftkit"
    shutil.copy(os.environ["PEFTKIT"], copy)
    subprocess.run(["strip", "--strip-debug", copy], check=True)
    return str(copy)


def run(binary, command, options):
    return subprocess.run(
        VALGRIND + options + [binary] + command.split(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def lost(binary, files, command):
    """The blocks that a command loses on one copy of some files, and on three."""
    blocks = []
    for copies in (1, 3):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(copies):
                for name in files:
                    if (FIXTURES / name).is_dir():
                        shutil.copytree(FIXTURES / name, f"{folder}/tree/{number}/{name.replace('/', '-')}")
            text = run(binary, command.format(tree=f"{folder}/tree", out=folder),
                       ["--leak-check=full", "--show-leak-kinds=none", "--errors-for-leak-kinds=none"]).stderr
            found = re.search(r"definitely lost: [\d,]+ bytes in ([\d,]+) blocks", text)
            nothing = "no leaks are possible" in text
            if not found and not nothing:
                sys.exit(f"valgrind did not finish {command}:\n{text[-2000:]}")
            blocks.append(0 if nothing else int(found[1].replace(",", "")))
    return blocks


def commands(short):
    if short:
        return COMMANDS[:7]
    files = [
        path for folder in FOLDERS for path in sorted((FIXTURES / folder).rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".md") and path.stat().st_size < 1 << 20
    ]
    return COMMANDS + [f"inspect {path.relative_to(ROOT)}" for path in files]


def main():
    short = "--short" in sys.argv[1:]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        binary = stripped(folder)
        every = commands(short)
        for command in every:
            result = run(binary, command.format(out=folder), ["--leak-check=no", "--quiet"])
            if result.returncode == 99 or result.returncode < 0 or result.returncode > 128:
                failures += 1
                print(f"FAILED ({result.returncode}): {command}\n{result.stderr[-3000:]}", flush=True)
        print(f"{len(every)} commands under valgrind, {failures} with errors", flush=True)
        for name, files, command in TREES[: 1 if short else None]:
            one, three = lost(binary, files, command)
            print(f"{name}: {one} blocks lost on one copy, {three} on three", flush=True)
            failures += three > one
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
