#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Count the unsafe places of each module, and exit with 1 where there are more than docs/unsafe.md allows.

    Scripts/check_unsafe.py                    what `make lint` checks
    Scripts/check_unsafe.py --write            write the table, in which no count may rise
    Scripts/check_unsafe.py --write --raise    write the table with what a review has accepted

A place is a `// SAFETY:` comment, with the reason why the code below it is safe. Each occurrence of the word `unsafe` in
code, and of `@unchecked`, counts too: code without such a comment would otherwise escape.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "unsafe.md"
WORD = re.compile(r"\bunsafe\b|@unchecked\b")
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| (\d+) \|$", re.M)

HEAD = """# Unsafe code

Every module is compiled with Swift's strict memory safety: code that the compiler cannot prove to be safe is marked
`unsafe`, and a `// SAFETY:` comment above it gives the reason why it is. Modules that are not in the table have none.
Among them are the ones that parse what strangers wrote: `Pickle`, `TorchCheckpoint`, `NumPyArchive`, `Checkpoints`,
`CheckpointScan` and `PEFT`.

`Scripts/check_unsafe.py` writes this page, and `make lint` fails when a module has more than the page says. So the
numbers only go down, unless a change raises them for a reason that its review accepts.

| module | places | words |
|---|---:|---:|
"""


def code(line):
    """A line without comments and texts, in which the word is not code."""
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', line).partition("//")[0]


def places(file):
    """The reason in each SAFETY comment."""
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        _, mark, reason = line.partition("// SAFETY:")
        if not mark:
            continue
        for rest in lines[number + 1 :]:
            if not rest.strip().startswith("//"):
                break
            reason += " " + rest.strip().removeprefix("//").strip()
        yield reason.strip()


def modules():
    """The places and words of each module that has some, by file."""
    found = {}
    for file in sorted((ROOT / "Sources").rglob("*.swift")):
        words = sum(len(WORD.findall(code(line))) for line in file.read_text(encoding="utf-8").splitlines())
        reasons = list(places(file))
        if words or reasons:
            name = file.relative_to(ROOT / "Sources")
            found.setdefault(name.parts[0], []).append((Path(*name.parts[1:]).as_posix(), words, reasons))
    return found


def counts(found):
    return {
        module: (sum(len(reasons) for _, _, reasons in files), sum(words for _, words, _ in files))
        for module, files in found.items()
    }


def page(found):
    rows = counts(found)
    text = HEAD + "".join(f"| `{module}` | {a} | {b} |\n" for module, (a, b) in sorted(rows.items()))
    text += f"| all | {sum(a for a, _ in rows.values())} | {sum(b for _, b in rows.values())} |\n"
    text += "\nThe C of `CThreads`, `CPlatform` and `CKernels` is unsafe as a whole; sanitizers run it ([fuzzing.md](fuzzing.md)).\n"
    for module, files in sorted(found.items()):
        text += f"\n## {module}\n\n| file | words | reasons |\n|---|---:|---|\n"
        for name, words, reasons in files:
            unique = dict.fromkeys(reason.rstrip(".") + "." for reason in reasons)
            text += f"| `{name}` | {words} | {' '.join(unique).replace('|', chr(92) + '|')} |\n"
    return text


def main():
    found = modules()
    now = counts(found)
    text = TABLE.read_text(encoding="utf-8") if TABLE.is_file() else ""
    allowed = {module: (int(a), int(b)) for module, a, b in ROW.findall(text)}
    risen = [m for m in sorted(now) if any(x > y for x, y in zip(now[m], allowed.get(m, (0, 0))))]
    if risen and "--raise" not in sys.argv[1:]:
        for module in risen:
            print(f"{module}: {now[module]} places and words are unsafe, {allowed.get(module, (0, 0))} are allowed")
        sys.exit("remove unsafe code, or run Scripts/check_unsafe.py --write --raise and say why in the commit")
    if "--write" in sys.argv[1:]:
        TABLE.write_text(page(found), encoding="utf-8")
    elif text != page(found):
        sys.exit("docs/unsafe.md is not up to date: run Scripts/check_unsafe.py --write")


if __name__ == "__main__":
    main()
