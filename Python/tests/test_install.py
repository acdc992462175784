# SPDX-License-Identifier: Apache-2.0
"""Where a wheel may be installed, and what cannot be built."""

import os
import re
import subprocess
import sys
from pathlib import Path

import peftkit
import pytest
from conftest import ROOT

BUILD = ROOT / ".build-wheel"
PROBE = "import peftkit; print(peftkit._tool.executable()); print(peftkit.inspect(%r).kind)"
ADAPTER = str(ROOT / "Fixtures" / "adapters" / "lora")


@pytest.mark.parametrize("option", ["--target", "--prefix"])
def test_the_binary_is_found(option, tmp_path):
    """Without an environment: the folder of a task, or another prefix."""
    wheel = next((ROOT / "dist").glob("peftkit-*.whl"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--ignore-installed"]
    subprocess.run([*command, option, tmp_path, wheel], check=True)
    packages = next(tmp_path.glob("**/peftkit/py.typed")).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", PROBE % ADAPTER], env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    binary, kind = done.stdout.split()
    assert tmp_path in Path(binary).parents and kind == "adapter"


def test_the_wheel_says_what_it_runs_on():
    wheel = next((ROOT / "dist").glob("peftkit-*.whl"))
    name = re.fullmatch(rf"peftkit-{peftkit.__version__}-py3-none-(?:\w+\.)*(manylinux_2_\d+_\w+)\.whl", wheel.name)
    assert name, wheel.name
    auditwheel = BUILD / "tools" / "bin" / "auditwheel"
    shown = subprocess.run([auditwheel, "show", wheel], capture_output=True, text=True, check=True).stdout
    assert f'is consistent with the following platform tag: "{name[1]}"' in " ".join(shown.split())


def build(*arguments, **variables):
    done = subprocess.run(
        [BUILD / "tools" / "bin" / "python", "-m", "build", "--no-isolation", ROOT / "Python", *arguments],
        env={**os.environ, **variables}, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_there_is_no_sdist(tmp_path):
    code, text = build("--sdist", "--outdir", tmp_path)
    assert code and "there is no sdist of peftkit, because it needs Swift" in text
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_needs_the_binary_of_its_version(tmp_path):
    code, text = build("--wheel", "--outdir", tmp_path / "out", PEFTKIT_BINARY=str(tmp_path / "none"))
    assert code and "there is no such file" in text and "make static builds it" in text
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho 9.9.9\n")
    other.chmod(0o755)
    code, text = build("--wheel", "--outdir", tmp_path / "out", PEFTKIT_BINARY=str(other))
    assert code and "is version 9.9.9" in text


def test_the_same_binary_makes_the_same_wheel(tmp_path):
    wheel = next((ROOT / "dist").glob("peftkit-*.whl"))
    subprocess.run(
        ["sh", ROOT / "Python" / "build_wheel.sh", tmp_path / "again"], check=True, stdout=subprocess.DEVNULL
    )
    assert (tmp_path / "again" / wheel.name).read_bytes() == wheel.read_bytes()
