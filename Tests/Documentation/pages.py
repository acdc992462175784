# SPDX-License-Identifier: Apache-2.0
"""The code blocks of README.md, docs/ and the DocC pages."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SKIP = re.compile(r"<!-- not run: (.+?) -->\s*\Z", re.DOTALL)


@dataclass
class Block:
    """A fenced block: its language, what follows that in the fence, its text, and why it is not run."""

    page: Path
    language: str
    info: str
    text: str
    line: int
    start: int
    end: int
    reason: str | None

    @property
    def place(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page):
    """The blocks of a page. `<!-- not run: REASON -->` before one gives the reason why it is not run."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        language, _, info = match[1].strip().partition(" ")
        skip = SKIP.search(text[: match.start()])
        yield Block(
            page, language, info, match[2], text.count("\n", 0, match.start()) + 1,
            match.start(2), match.end(2), " ".join(skip[1].split()) if skip else None,
        )  # fmt: skip


def documentation(names):
    """The pages of these names, or README.md and all pages in docs/ and Examples/."""
    if names:
        return [Path(name).resolve() for name in names]
    pages = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    return pages + sorted(ROOT.glob("Examples/*/README.md"))
