#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the site of the API's documentation with the docc of the toolchain. A warning is an error.

    Scripts/make_docs.py [-o .build-docs/site] [--base-path peftkit]

The site has the module of each library product in Package.swift, and the modules that PeftKit re-exports.
Any web server shows it: `python3 -m http.server -d .build-docs/site`, then /documentation. --base-path
is the path at which a server has the site, if it is not the root.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SWIFT = os.environ.get("SWIFT", "swift")


def documented_modules():
    """The modules of the site, in the order of imports: each links to those before it."""
    manifest = (ROOT / "Package.swift").read_text()
    umbrella = (ROOT / "Sources/PeftKit/PeftKit.swift").read_text()
    public = set(re.findall(r'\.library\(name: "\w+", targets: \["(\w+)"\]', manifest))
    public |= set(re.findall(r"^@_exported public import (\w+)", umbrella, re.MULTILINE))
    targets = re.findall(r'\.target\(\s*name: "(\w+)"', manifest)
    return [target for target in targets if target in public]


def symbol_graphs():
    """The folder of the symbols of all modules, made by a debug build."""
    command = [SWIFT, "package", "dump-symbol-graph"]
    command += ["--minimum-access-level", "public", "--skip-synthesized-members"]
    result = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    folder = re.search(r"^Files written to (.+)$", result.stdout, re.MULTILINE)
    if result.returncode or not folder:
        sys.exit(f"error: {' '.join(command)} failed\n{result.stdout}{result.stderr}")
    return Path(folder[1])


def find_docc():
    """The docc next to the compiler, which is on the PATH of the toolchain; on macOS xcrun knows it."""
    if found := shutil.which("docc"):
        return [found]
    if shutil.which("xcrun"):
        return ["xcrun", "docc"]
    compiler = shutil.which(SWIFT)
    beside = Path(compiler).resolve().parent / "docc" if compiler else None
    if beside and beside.exists():
        return [str(beside)]
    sys.exit("error: no docc was found: it is part of the Swift toolchain")


def archive(docc, module, graphs, work, earlier, base_path):
    """The documentation of a module; the result is its archive, or None after a warning."""
    own = work / "symbols" / module
    own.mkdir(parents=True)
    for graph in [f"{module}.symbols.json", *(g.name for g in graphs.glob(f"{module}@*.symbols.json"))]:
        shutil.copy(graphs / graph, own)
    output = work / f"{module}.doccarchive"
    command = [*docc, "convert", f"Sources/{module}/Documentation.docc"]
    command += ["--additional-symbol-graph-dir", own, "--output-path", output, "--warnings-as-errors"]
    command += ["--fallback-display-name", module, "--fallback-bundle-identifier", f"peftkit.{module}"]
    command += ["--fallback-default-module-kind", "Module", "--hosting-base-path", base_path]
    command += ["--enable-experimental-external-link-support"]
    for other in earlier:
        command += ["--dependency", other]
    result = subprocess.run(list(map(str, command)), cwd=ROOT, text=True, capture_output=True)
    text = result.stdout + result.stderr
    if result.returncode or "warning:" in text:
        print(text.strip(), file=sys.stderr)
        return None
    return output


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / ".build-docs/site")
    parser.add_argument("--base-path", default="/", help="the path of the site on its server")
    options = parser.parse_args()
    modules = documented_modules()
    if bare := [m for m in modules if not (ROOT / f"Sources/{m}/Documentation.docc/{m}.md").exists()]:
        sys.exit(f"error: no landing page Documentation.docc/NAME.md: {', '.join(bare)}")
    work = ROOT / ".build-docs/archives"
    shutil.rmtree(work, ignore_errors=True)
    graphs, docc = symbol_graphs(), find_docc()

    archives = {}
    for module in modules:
        archives[module] = archive(docc, module, graphs, work, filter(None, archives.values()), options.base_path)
    if failed := [module for module, made in archives.items() if made is None]:
        sys.exit(f"error: docc warns about {', '.join(failed)}")
    shutil.rmtree(options.output, ignore_errors=True)
    merge = [*docc, "merge", *map(str, archives.values()), "--output-path", str(options.output)]
    merge += ["--synthesized-landing-page-name", "peftkit", "--synthesized-landing-page-topics-style", "list"]
    subprocess.run(merge, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    print(f"{options.output}: {len(archives)} modules, no warnings")


if __name__ == "__main__":
    main()
