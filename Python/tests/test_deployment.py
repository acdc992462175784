# SPDX-License-Identifier: Apache-2.0
"""The files for Kubernetes and for code hosts: valid by their schemas, and their commands do what they say."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from conftest import FIXTURES, ROOT

JOB = ROOT / "docs" / "kubernetes" / "convert-job.yaml"
ACTION = ROOT / "Examples" / "github-action" / "action.yml"
WORKFLOW = ROOT / "Examples" / "github-action" / "check-adapters.yml"


# Failures by index came with 1.29, and are there for good since 1.33.
@pytest.mark.parametrize("version", ["1.29", "1.33", kubernetes_validate.latest_version()])
def test_the_job_is_valid(version):
    kubernetes_validate.validate(yaml.safe_load(JOB.read_text()), version, strict=True)


def test_a_wrong_job_is_not_valid():
    job = yaml.safe_load(JOB.read_text())
    job["spec"]["completionsMode"] = job["spec"].pop("completionMode")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)


def test_the_pods_convert_the_tree(tmp_path):
    """The command of the container, once for each index, as the kubelet starts it."""
    spec = yaml.safe_load(JOB.read_text())["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    names = ["lora-bin", "mpt-causal-lm-bin", "mpt-f16-bin", "prompt-tuning-bin", "ia3", "vera"]
    for name in names:
        shutil.copytree(FIXTURES / "adapters" / name, tmp_path / "data" / "adapters" / name)
    command = [part.replace("/data/", f"{tmp_path}/data/") for part in container["command"] + container["args"]]
    for index in range(spec["completions"]):
        subprocess.run(
            command, env={**os.environ, "JOB_COMPLETION_INDEX": str(index)}, check=True, stdout=subprocess.DEVNULL
        )
    manifests = sorted((tmp_path / "data" / "converted").glob("peftkit-manifest-*-of-16.jsonl"))
    assert len(manifests) == spec["completions"]
    records = [json.loads(line) for manifest in manifests for line in manifest.read_text().splitlines()]
    assert sorted((record["source"], record["outcome"]) for record in records) == [
        (name, "converted") for name in sorted(names)
    ]


@pytest.mark.parametrize(("schema", "path"), [("github-actions", ACTION), ("github-workflows", WORKFLOW)])
def test_the_action_is_valid(schema, path):
    subprocess.run(["check-jsonschema", "--builtin-schema", f"vendor.{schema}", path], check=True)


def steps():
    return yaml.safe_load(ACTION.read_text())["runs"]["steps"]


def run_step(step, temporary, values):
    """Runs a shell step as the host does, and returns its exit code."""
    added = temporary / "path"
    environment = {
        **os.environ,
        **{key: values[value.strip("${} ")] for key, value in step.get("env", {}).items()},
        "RUNNER_TEMP": str(temporary), "GITHUB_OUTPUT": str(temporary / "output"), "GITHUB_PATH": str(added),
        "PATH": f"{added.read_text().strip() if added.exists() else ''}:{os.environ['PATH']}",
    }  # fmt: skip
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], env=environment
    ).returncode


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """The folder of a host's runner, after the step that installs the wheel."""
    temporary = tmp_path_factory.mktemp("runner")
    wheel = next((ROOT / "dist").glob("peftkit-*.whl"))
    assert run_step(steps()[0], temporary, {"inputs.wheel": str(wheel)}) == 0
    return temporary


@pytest.fixture
def action(runner):
    """Runs the other steps, and returns the first exit code that is not 0."""

    def run(path, options=""):
        values = {"inputs.path": str(path), "inputs.options": options}
        output = runner / "output"
        output.unlink(missing_ok=True)
        for step in steps()[1:]:
            if "run" not in step:
                log = Path(step["with"]["sarif_file"].replace("${{ runner.temp }}", str(runner)))
                assert json.loads(log.read_text())["version"] == "2.1.0"
                continue
            if output.exists():
                values["steps.check.outputs.status"] = output.read_text().strip().split("=")[-1]
            if code := run_step(step, runner, values):
                return code
        return 0

    return run


def test_the_action_passes(action, tmp_path):
    shutil.copytree(FIXTURES / "adapters" / "lora-bin", tmp_path / "tree" / "lora")
    assert action(tmp_path / "tree") == 0


def test_the_action_fails_with_findings(action, runner, tmp_path):
    shutil.copytree(FIXTURES / "adapters" / "mpt-average-source-tasks", tmp_path / "tree" / "warned")
    assert action(tmp_path / "tree") == 1
    assert json.loads((runner / "validate.sarif").read_text())["runs"][0]["results"]


def test_the_options_of_the_action(action, tmp_path):
    shutil.copytree(FIXTURES / "adapters" / "mpt-average-source-tasks", tmp_path / "tree" / "warned")
    assert action(tmp_path / "tree", "--fail-on error --peft 0.21.2") == 0


def test_the_action_fails_without_adapters(action, tmp_path):
    (tmp_path / "empty").mkdir()
    assert action(tmp_path / "empty") == 2
