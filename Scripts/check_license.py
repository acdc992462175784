#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Report source files that do not name their license at the top, and exit with 1 if there is one.

    Scripts/check_license.py          what `make license` checks
    Scripts/check_license.py --add    add the line where it is missing
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATHS = ["Sources", "Tests", "Benchmarks", "Fixtures", "Examples", "Python", "Scripts", "Fuzzing", "docs", "findings", ".ci", "Package.swift"]
COMMENTS = {".swift": "//", ".c": "//", ".h": "//", ".py": "#", ".sh": "#"}
LINE = "SPDX-License-Identifier: Apache-2.0"


def sources():
    for path in map(ROOT.joinpath, PATHS):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            parts = file.relative_to(ROOT).parts
            if file.is_file() and comment(file) and not any(part.startswith(".build") for part in parts):
                yield file


def comment(file):
    return "#" if file.parent.name == ".ci" else COMMENTS.get(file.suffix)


def is_first(line):
    """Whether a line must stay the first of its file."""
    return line.startswith("#!") or line.startswith("// swift-tools-version")


def add(file):
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    place = 1 if lines and is_first(lines[0]) else 0
    line = f"{comment(file)} {LINE}\n"
    # An empty line keeps it apart from a comment that describes the file or its first type.
    if lines[place:] and lines[place].startswith(comment(file)):
        line += "\n"
    lines.insert(place, line)
    file.write_text("".join(lines), encoding="utf-8")


def main():
    missing = []
    for file in sources():
        with file.open(encoding="utf-8") as text:
            head = [text.readline() for _ in range(2)]
        if not any(line.rstrip() == f"{comment(file)} {LINE}" for line in head):
            missing.append(file)
    if "--add" in sys.argv[1:]:
        for file in missing:
            add(file)
        return
    for file in missing:
        print(f"{file.relative_to(ROOT)}: has no license line")
    if missing:
        sys.exit(f"{len(missing)} files to mark: run Scripts/check_license.py --add")


if __name__ == "__main__":
    main()
