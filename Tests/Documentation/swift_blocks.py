#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile and run every Swift block of README.md and docs/, and compile those of the DocC pages that import modules.

    swift_blocks.py [PAGE...]

Each block is the main.swift of a program, as pasted; a block that starts with `// swift-tools-version` is a
manifest. The programs run in a folder with my-adapter (LoRA), my-mpt-adapter and my-model. They are built with a
debug build of this package, in the folder that the examples are built in.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pages import ROOT, blocks, documentation

SWIFT = os.environ.get("SWIFT", "swift")
WORK = ROOT / ".build-docs/blocks"
SCRATCH = Path(os.environ.get("SCRATCH", ROOT / ".build-examples"))
INPUTS = {
    "my-adapter": "tutorials/lora", "my-model": "tutorials/tiny-llama", "my-mpt-adapter": "adapters/mpt-causal-lm",
}  # fmt: skip
MANIFEST = """// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Blocks",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "peftkit", path: "{root}")],
  targets: [
{targets}
  ])
"""
TARGET = """    .executableTarget(name: "{name}", dependencies: [{products}]),"""


def swift_blocks(names):
    """The blocks to compile, by the name of their program, and whether they run."""
    found = {}
    for page in documentation(names):
        for block in blocks(page):
            if block.language == "swift" and block.reason is None:
                found[f"{page.stem}-{block.line}"] = (block, True)
    if not names:
        for page in sorted(ROOT.glob("Sources/*/Documentation.docc/*.md")):
            for block in blocks(page):
                if block.language == "swift" and re.search(r"^import ", block.text, re.MULTILINE):
                    found[f"{page.stem}-{block.line}"] = (block, False)
    return found


def fail(block, what, result):
    sys.exit(f"error: {block.place}: the block {what}\n{result.stdout}{result.stderr}")


def command(*arguments, cwd=ROOT):
    return subprocess.run(list(map(str, arguments)), cwd=cwd, text=True, capture_output=True)


def check_manifest(block):
    """A manifest is loaded, next to a folder with the sources that it names."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "package"
        folder.mkdir()
        (folder / "Package.swift").write_text(block.text)
        result = command(SWIFT, "package", "dump-package", "--package-path", folder)
        if result.returncode:
            fail(block, "is not a manifest", result)


def main():
    found = swift_blocks(sys.argv[1:])
    programs = {n: b for n, b in found.items() if not b[0].text.startswith("// swift-tools-version")}
    for name in found.keys() - programs.keys():
        check_manifest(found[name][0])

    manifest = (ROOT / "Package.swift").read_text()
    products = set(re.findall(r'\.library\(name: "(\w+)"', manifest))
    shutil.rmtree(WORK, ignore_errors=True)
    targets = []
    for name, (block, _) in programs.items():
        folder = WORK / "Sources" / name
        folder.mkdir(parents=True)
        (folder / "main.swift").write_text(block.text)
        imports = products & set(re.findall(r"^import (\w+)", block.text, re.MULTILINE))
        uses = ", ".join(f'.product(name: "{p}", package: "peftkit")' for p in sorted(imports))
        targets.append(TARGET.format(name=name, products=uses))
    (WORK / "Package.swift").write_text(MANIFEST.format(root=ROOT, targets="\n".join(targets)))
    # The description of the build that is kept there may be that of an example.
    options = ["--package-path", WORK, "--scratch-path", SCRATCH, "--disable-build-manifest-caching"]
    result = command(SWIFT, "build", *options)
    if result.returncode:
        text = result.stdout + result.stderr
        places = {n: b[0].place for n, b in programs.items() if f"/Sources/{n}/" in text}
        sys.exit(f"error: the blocks at {', '.join(places.values())} do not compile\n{text}")

    runs = 0
    for name, (block, runs_too) in programs.items():
        if not runs_too:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            for path, source in INPUTS.items():
                shutil.copytree(ROOT / "Fixtures" / source, Path(temporary) / path)
            result = command(SCRATCH / "debug" / name, cwd=temporary)
        if result.returncode:
            fail(block, f"ended with {result.returncode}", result)
        print(f"{block.place}:\n{result.stdout}", end="")
        runs += 1
    if not programs:
        sys.exit("error: no Swift block was found")
    print(f"{len(programs)} Swift blocks compile as pasted, {runs} of them run")


if __name__ == "__main__":
    main()
