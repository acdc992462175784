#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Report links of Markdown files to files and headings of the repository that do not exist.

usage: python3 Scripts/check_links.py
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]\[]*\]\(([^()\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def pages():
    """The Markdown files of the repository, without those that other programs wrote."""
    for folder, folders, files in os.walk(ROOT):
        path = Path(folder)
        written_by_peft = "Fixtures" in path.relative_to(ROOT).parts[:-1]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (path / name for name in sorted(files) if name.endswith(".md") and not written_by_peft)


def anchors(page):
    """The anchors of a page's headings, as code hosts make them."""
    for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def main():
    wrong = count = 0
    for page in pages():
        for link in LINK.findall(CODE.sub("", page.read_text())):
            if "://" in link or link.startswith(("mailto:", "doc:")):
                continue
            count += 1
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
                print(f"{page.relative_to(ROOT)}: no {link}")
                wrong += 1
    if wrong or not count:
        sys.exit(f"{wrong} of {count} links lead nowhere")
    print(f"links: {count}, 0 problems")


if __name__ == "__main__":
    main()
