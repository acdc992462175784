# SPDX-License-Identifier: Apache-2.0
"""The examples of Examples/python and of docs/python.md do what they say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import peftkit
import pytest
from conftest import FIXTURES, ROOT

EXAMPLES = ROOT / "Examples" / "python"


def run(*arguments, **variables):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, env={**os.environ, **variables}
    )


def test_training_checks_every_checkpoint(tmp_path):
    done = run(EXAMPLES / "train.py", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "transformer.h.0.attn.c_attn: rank 4, norm of the change" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoint-2", "checkpoint-4"]


def test_training_ends_at_a_checkpoint_with_errors(tmp_path):
    """The callback sees the checkpoint of its step, in which a tensor is NaN."""
    script = tmp_path / "broken.py"
    script.write_text(
        (EXAMPLES / "train.py").read_text().replace(
            "    settings = ",
            "    for name, parameter in model.named_parameters():\n"
            "        if 'lora_B' in name:\n"
            "            parameter.data.fill_(float('nan'))\n"
            "    settings = ",
        )
    )  # fmt: skip
    done = run(script, tmp_path / "out", PYTHONPATH=str(EXAMPLES))
    assert done.returncode != 0
    assert "RuntimeError: the checkpoint is not usable" in done.stderr
    assert "WARNING:validate_on_save:checkpoint-2: error: " in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint-2"]


def test_pytest_example(tmp_path):
    for name in ["lora", "mpt-causal-lm"]:
        shutil.copytree(FIXTURES / "adapters" / name, tmp_path / "adapters" / name)
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "test_adapters.py"]
    good = run(*command, ADAPTERS=str(tmp_path / "adapters"))
    assert good.returncode == 0, good.stdout
    assert "5 passed, 1 skipped" in good.stdout
    peftkit.convert(
        FIXTURES / "adapters" / "lora",
        tmp_path / "adapters" / "lora",
        rename={r"lora_A\.weight": "lora_A.wait"},
        force=True,
    )
    bad = run(*command, ADAPTERS=str(tmp_path / "adapters"))
    assert bad.returncode == 1
    assert "test_peft_loads_it_whole[lora]" in bad.stdout and "[missing-tensor]" in bad.stdout, bad.stdout


@pytest.fixture
def scripts():
    """The Python blocks of docs/python.md."""
    text = (ROOT / "docs" / "python.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_scripts_of_the_documentation_run(scripts, tmp_path):
    for name, fixture in [("my-adapter", "lora"), ("adapters/a", "ia3"), ("adapters/b", "lora-bin")]:
        shutil.copytree(FIXTURES / "adapters" / fixture, tmp_path / name)
    shutil.copy(FIXTURES / "references" / "lora" / "reference.safetensors", tmp_path)
    assert len(scripts) > 3
    for script in scripts:
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, script + done.stderr
    assert Path(tmp_path, "my-adapter-half").is_dir()


def test_the_scripts_are_typed(scripts, tmp_path):
    """A type checker sees the types of the installed package."""
    for number, script in enumerate(scripts):
        (tmp_path / f"script{number}.py").write_text(script)
    (tmp_path / "wrong.py").write_text(
        'import peftkit\n\npeftkit.inspect("x").tensors[0].shape + "1"\npeftkit.scan(1)\n'
    )
    command = ["-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", tmp_path / "cache"]
    done = run(*command, *tmp_path.glob("script*.py"))
    assert done.returncode == 0, done.stdout
    assert run(*command, tmp_path / "wrong.py").stdout.count("error: ") == 2
