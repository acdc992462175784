#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make every file of this folder with the real libraries, of the versions in requirements.txt.

    python make_fixtures.py [--only adapters|bridges|configs|gguf|json|methods|safetensors|tutorials ...]

Random weights, fixed seeds. No network but for the configs: old PEFT releases come by pip.
See README.md for what the files are.
"""

import argparse
import importlib.metadata
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PARTS = ["adapters", "bridges", "configs", "gguf", "json", "methods", "safetensors", "tutorials"]


def with_fixed_hashing():
    """Start again with a fixed hash seed: PEFT saves sets, and safetensors maps, in hash order."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.argv])


def check_versions():
    """Refuse to run with other versions than the files in the repository were made with."""
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        name, _, wanted = line.partition("==")
        if wanted and (found := importlib.metadata.version(name).split("+")[0]) != wanted:
            sys.exit(f"{name} is {found}, the fixtures are made with {wanted}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    with_fixed_hashing()
    check_versions()
    sys.path.insert(0, str(ROOT))
    for part in options.only:
        module = __import__(f"fixture_{part}")
        for folder in module.FOLDERS:
            shutil.rmtree(ROOT / folder, ignore_errors=True)
        module.make(ROOT)
        print(f"{part}: done")


if __name__ == "__main__":
    main()
