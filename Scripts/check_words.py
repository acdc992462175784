#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Report words that CONTRIBUTING.md's list rules out, as FILE:LINE, and exit with 1 if there is one.

    Scripts/check_words.py           what `make words` checks
    Scripts/check_words.py --more    also words that are usually, but not always, poor English here
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATHS = [
    "Sources", "spec", "docs", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md",
    "Package.swift", "Makefile", "Scripts", "findings", "Fixtures/README.md", "Tests", ".github", "Python",
    "Examples", "Fuzzing",
]  # fmt: skip
SUFFIXES = {".swift", ".c", ".h", ".md", ".py", ".sh", ".yml", ""}

# White space between two words, which may be a line break inside a comment.
GAP = r"[ \t]*(?:[ \t]|\n[ \t]*(?:///?|#|\*|- )?[ \t]*)"
BANNED = [
    r"stands",
    r"whoever",
    rf"nobody{GAP}knows",
    rf"(?<!there )is{GAP}no(?={GAP})(?!{GAP}longer\b)",
    r"anew",
    r"meanwhile",
    rf"is{GAP}told{GAP}of",
]
DOUBTFUL = [
    rf"stand{GAP}(?:in|beside|for)",
    r"stood",
    r"somebody",
    r"nobody",
    rf"comes?{GAP}to",
    rf"as{GAP}it{GAP}is",
    rf"are{GAP}no(?={GAP})(?!{GAP}longer\b)",
    rf"(?:is|are){GAP}told",
    rf"mostly{GAP}they",
]


def files():
    for path in map(ROOT.joinpath, PATHS):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if not file.is_file() or file.suffix not in SUFFIXES or ".build" in file.parts:
                continue
            # Tests count as papers only where they explain themselves.
            if "Tests" in file.relative_to(ROOT).parts[:1] and file.suffix != ".md":
                continue
            if file != Path(__file__).resolve():
                yield file


def hits(file, pattern):
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for match in pattern.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        whole = text.splitlines()[line - 1].strip()
        # The table in CONTRIBUTING.md is the word list itself.
        if file.name == "CONTRIBUTING.md" and whole.startswith("|"):
            continue
        yield line, re.sub(r"\s+", " ", match[0]), whole


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--more", action="store_true", help="look for doubtful words too")
    words = BANNED + (DOUBTFUL if parser.parse_args().more else [])
    pattern = re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE)
    count = 0
    for file in files():
        for line, word, whole in hits(file, pattern):
            print(f"{file.relative_to(ROOT)}:{line}: '{word}': {whole}")
            count += 1
    if count:
        sys.exit(f"{count} words to replace: see the word list in CONTRIBUTING.md")


if __name__ == "__main__":
    main()
