# SPDX-License-Identifier: Apache-2.0
"""adapter_config.json files that real PEFT releases wrote: configs/PEFT-VERSION/PEFT_TYPE.json.

A config whose values the release's class refuses is skipped; peft_configs.py decides the values.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDERS = ["configs"]
OLD_RELEASES = ["0.6.2", "0.7.1", "0.10.0", "0.13.2", "0.15.2", "0.18.0"]
OLD_TYPES = ["MULTITASK_PROMPT_TUNING", "LORA", "PROMPT_TUNING"]

# Runs in a process of its own, so that it sees the release that PYTHONPATH puts first.
SAVE_CONFIGS = """
import os, random, sys, tempfile
import peft, peft_configs
target, *types = sys.argv[1:]
folder = os.path.join(target, peft.__version__)
os.makedirs(folder)
for peft_type, cls in peft_configs.config_classes().items():
    if types and peft_type not in types:
        continue
    config = peft_configs.sample_config(cls, random.Random(peft_type))
    if config is None:
        print("cannot be constructed here:", peft_type)
        continue
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        config.save_pretrained(directory)
        saved = os.path.join(directory, "adapter_config.json")
        os.replace(saved, os.path.join(folder, peft_type + ".json"))
"""


def save_configs(root, types=(), packages=None):
    search = [str(root), *([packages] if packages else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(reversed(search))}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SAVE_CONFIGS, str(root / "configs"), *types],
        env=environment,
        check=True,
    )


def install(release, target):
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            target,
            f"peft=={release}",
        ],
        check=True,
    )


def make(root: Path):
    (root / "configs").mkdir()
    save_configs(root)
    for release in OLD_RELEASES:
        with tempfile.TemporaryDirectory() as packages:
            install(release, packages)
            save_configs(root, OLD_TYPES, packages)
