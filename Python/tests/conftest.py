# SPDX-License-Identifier: Apache-2.0
"""What the tests of the wheel share."""

import os
import shutil
from pathlib import Path

import peftkit
import pytest

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Fixtures"


def pytest_report_header():
    return f"peftkit: {peftkit.__file__}, binary: {peftkit._tool.executable()}"


@pytest.fixture(scope="session", autouse=True)
def installed():
    """The tests are of the wheel that is installed, with its binary, not of the sources."""
    assert ROOT / "Python" not in Path(peftkit.__file__).parents
    assert "PEFTKIT" not in os.environ


@pytest.fixture
def adapter(tmp_path):
    """Makes a copy of an adapter of Fixtures, to change."""

    def copy(name, to="adapter"):
        return Path(shutil.copytree(FIXTURES / "adapters" / name, tmp_path / to))

    return copy


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A file whose conversion takes long enough to be interrupted: 600 MB, most of it holes."""
    path = tmp_path_factory.mktemp("large") / "large.safetensors"
    size = 600_000_000
    header = b'{"x":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)
    yield path
    path.unlink()
