# SPDX-License-Identifier: Apache-2.0
"""What a new user does first, in an environment with nothing but the wheel. The argument is the folder of fixtures."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import peftkit

# Five methods, as PEFT saved them.
ADAPTERS = ["lora", "ia3-trained", "prompt-tuning", "prefix-tuning", "mpt-causal-lm"]


def main():
    fixtures = Path(sys.argv[1], "adapters")
    assert shutil.which("swift") is None and shutil.which("cc") is None
    others = {item.name for item in Path(peftkit.__file__).parents[1].iterdir() if item.suffix == ".dist-info"}
    assert {name.split("-")[0] for name in others} <= {"peftkit", "pip", "setuptools"}, others
    shown = subprocess.run(["peftkit", "--version"], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == peftkit.__version__
    # The binary brings what it needs.
    libraries = subprocess.run(["/usr/bin/ldd", peftkit._tool.executable()], capture_output=True, text=True).stdout
    assert "swift" not in libraries and "not found" not in libraries, libraries
    with tempfile.TemporaryDirectory() as scratch:
        for name in ADAPTERS:
            adapter = peftkit.inspect(fixtures / name)
            check = peftkit.validate(fixtures / name)
            assert check, str(check)
            copy = Path(scratch, name)
            peftkit.convert(fixtures / name, copy, to="torch")
            assert peftkit.scan(copy)
            assert peftkit.diff(fixtures / name, copy)
            print(f"{name}: {adapter.config['peft_type']}, {adapter.parameter_count} parameters")


main()
