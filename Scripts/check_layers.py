# SPDX-License-Identifier: Apache-2.0
"""Check that imports and folders point one way.

- A module imports only modules that Package.swift lists above it.
- Inside a module no two folders refer to each other's types, directly or by way of others.
- The C library is imported in folders called Internals only.

usage: python3 Scripts/check_layers.py
"""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "Sources"
C_LIBRARIES = {"Darwin", "Glibc", "Musl"}
IMPORT = re.compile(
    r"^\s*(?:@\w+ )*(?:public |package |internal |private )?import (\w+)", re.MULTILINE)
TYPE = re.compile(
    r"^(?:@\w+\s+)*(?:public |package )?(?:indirect |final )*"
    r"(?:struct|class|enum|protocol|actor|typealias) (\w+)", re.MULTILINE)


def code(text: str) -> str:
    """The text without comments and string literals."""
    text = re.sub(r"//.*", "", text)
    text = re.sub(r'"""[\s\S]*?"""', "", text)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', "", text)


def cycles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other."""
    index, low, stack, found = {}, {}, [], []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(edges.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = []
            while True:
                group.append(stack.pop())
                if group[-1] == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def check_module(module: pathlib.Path, problems: list[str]) -> None:
    folder_of_type: dict[str, str] = {}
    texts = {}
    for path in sorted(module.rglob("*.swift")):
        text = code(path.read_text())
        texts[path] = text
        folder = str(path.parent.relative_to(module))
        for name in TYPE.findall(text):
            folder_of_type[name] = folder
    edges: dict[str, set[str]] = collections.defaultdict(set)
    examples = {}
    for path, text in texts.items():
        folder = str(path.parent.relative_to(module))
        edges[folder]
        for word in set(re.findall(r"\b[A-Z]\w+", text)):
            target = folder_of_type.get(word)
            if target is not None and target != folder:
                edges[folder].add(target)
                examples.setdefault((folder, target), f"{path.name} names {word}")
    for group in cycles(edges):
        lines = [
            f"    {source} -> {target}: {examples[source, target]}"
            for source in group for target in sorted(edges[source]) if target in group]
        problems.append(
            f"{module.name}: folders refer to each other: {', '.join(group)}\n" + "\n".join(lines))


def main() -> int:
    problems: list[str] = []
    manifest = (ROOT / "Package.swift").read_text()
    order = re.findall(
        r"\.(?:target|executableTarget|systemLibrary)\(\s*name: \"(\w+)\"", manifest)
    rank = {name: place for place, name in enumerate(order)}
    for module in sorted(path for path in SOURCES.iterdir() if path.is_dir()):
        for path in sorted(module.rglob("*.swift")):
            where = path.relative_to(ROOT)
            for name in IMPORT.findall(path.read_text()):
                if name in rank and rank[name] >= rank[module.name] and name != module.name:
                    problems.append(f"{where}: imports {name}, which Package.swift lists below")
                if name in C_LIBRARIES and path.parent.name != "Internals":
                    problems.append(f"{where}: imports {name} outside a folder called Internals")
        check_module(module, problems)
    for problem in problems:
        print(problem)
    print(f"layers: {len(order)} targets, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
