# SPDX-License-Identifier: Apache-2.0
"""Checks the adapters of a folder as tests: ADAPTERS=my-adapters pytest Examples/python/test_adapters.py"""

import os
from pathlib import Path

import peftkit
import pytest

FOLDER = Path(os.environ.get("ADAPTERS", "adapters"))
ADAPTERS = sorted(path.parent for path in FOLDER.rglob("adapter_config.json"))


@pytest.fixture(params=ADAPTERS, ids=lambda path: str(path.relative_to(FOLDER)))
def adapter(request):
    return request.param


def test_peft_loads_it_whole(adapter):
    check = peftkit.validate(adapter)
    assert check, str(check)


def test_it_runs_no_code(adapter):
    scan = peftkit.scan(adapter)
    assert scan, str(scan)


def test_it_was_trained(adapter):
    """The changes of the weights are not all zero; None where they depend on the base model."""
    if peftkit.inspect(adapter).config["peft_type"] not in ("LORA", "ADALORA", "LOHA", "LOKR"):
        pytest.skip("the norms of this method are not computed")
    assert any(module.norm != 0 for module in peftkit.inspect(adapter, modules=True).modules)
