# SPDX-License-Identifier: Apache-2.0
"""Make the checkpoints of several processes with torch, and what torch puts together.

    python make_distributed.py

Four processes on the CPU, fixed seeds. See ../README.md for what the files are.
"""

import os
import shutil
import tempfile
from pathlib import Path

import distributed_cases as cases

HERE = Path(__file__).resolve().parent


def main():
    from safetensors.torch import save_file

    os.chdir(HERE)  # The metadata contain the path as it was given.
    for name in ["state-dict", "state-dict-threads", "slices", "ranks"]:
        shutil.rmtree(name, ignore_errors=True)
    cases.run(4, cases.save_nested, {}, "state-dict")
    cases.run(4, cases.save_nested, {"thread_count": 3}, "state-dict-threads")
    cases.run(4, cases.save_slices, {}, "slices")
    Path("ranks").mkdir()
    cases.run(4, cases.save_ranks, "ranks")
    with tempfile.TemporaryDirectory() as scratch:
        whole = cases.whole("state-dict", scratch)
    save_file({name: tensor.contiguous() for name, tensor in whole.items()}, "state-dict.safetensors")
    slices = {name: tensor.contiguous() for name, (tensor, _) in cases.slices().items()}
    save_file(slices, "slices.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
