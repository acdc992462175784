# SPDX-License-Identifier: Apache-2.0
"""The hooks of .pre-commit-hooks.yaml, run by pre-commit on a repository of adapters."""

import os
import shutil
import subprocess

import pytest
from conftest import FIXTURES, ROOT

CONFIG = """
repos:
  - repo: {hooks}
    rev: {revision}
    hooks:
      - id: peftkit-validate
      - id: peftkit-scan
"""
PARTS = [".pre-commit-hooks.yaml", "Scripts/pre-commit.sh"]


def git(directory, *arguments):
    return subprocess.run(
        ["git", "-c", "user.name=peftkit", "-c", "user.email=tests@example.com", *arguments],
        cwd=directory, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


@pytest.fixture(scope="module")
def hooks(tmp_path_factory):
    """A repository with the hooks as they are here, and the environment for pre-commit."""
    directory = tmp_path_factory.mktemp("hooks")
    for part in PARTS:
        (directory / part).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / part, directory / part)
    git(directory, "init", "--quiet")
    git(directory, "add", ".")
    git(directory, "commit", "--quiet", "-m", "Hooks")
    return directory


@pytest.fixture
def repository(hooks, tmp_path, monkeypatch):
    """A repository of adapters, in which the hooks are set up, and which commits through them."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    repository = tmp_path / "adapters"
    repository.mkdir()
    git(repository, "init", "--quiet")
    text = CONFIG.format(hooks=hooks, revision=git(hooks, "rev-parse", "HEAD"))
    (repository / ".pre-commit-config.yaml").write_text(text)
    shutil.copytree(FIXTURES / "adapters" / "lora", repository / "old adapter")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "An adapter")

    def check(*options):
        git(repository, "add", ".")
        done = subprocess.run(
            ["pre-commit", "run", "--color", "never", *options], cwd=repository, capture_output=True, text=True,
            env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return repository, check


def test_the_manifest_is_valid():
    subprocess.run(["pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"], check=True)


def test_good_adapters_pass(repository):
    directory, check = repository
    shutil.copytree(FIXTURES / "adapters" / "lora-bin", directory / "new adapter")
    code, text = check()
    assert code == 0, text
    assert text.count("Passed") == 2


def test_findings_fail(repository):
    directory, check = repository
    shutil.copytree(FIXTURES / "adapters" / "mpt-average-source-tasks", directory / "warned")
    code, text = check()
    assert code == 1
    # Once for the adapter, although two of its files changed, and not for the old adapter.
    assert text.count("[source-initialization]") == 1 and "old adapter" not in text
    assert text.count("Passed") == 1

    config = directory / ".pre-commit-config.yaml"
    config.write_text(config.read_text().replace("validate\n", "validate\n        args: [--fail-on, error, --]\n"))
    assert check()[0] == 0
    config.write_text(config.read_text().replace(", --]", "]"))
    code, text = check()
    assert code == 1 and "must end with --" in text


def test_code_fails(repository):
    directory, check = repository
    code_file = ROOT / "Tests" / "CheckpointScanTests" / "Vectors" / "code" / "reduce.bin"
    shutil.copy(code_file, directory / "weights.PT")
    code, text = check()
    assert code == 1
    assert "asks for code" in text and text.count("Skipped") == 1
    # Nothing changed but a text: nothing is checked.
    git(directory, "commit", "--quiet", "--no-verify", "-m", "Weights")
    (directory / "README.md").write_text("text")
    assert check()[1].count("Skipped") == 2
    assert check("--all-files")[0] == 1
