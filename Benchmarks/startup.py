# SPDX-License-Identifier: Apache-2.0
"""`peftkit inspect` of a small adapter against an empty program on swift-argument-parser.

    python3 Benchmarks/startup.py [PAIRS]

Builds both, runs them in turn, and prints the medians and the median of the ratios pair by pair, which
holds on a noisy machine. Then it inspects a sparse file of 1 GB and prints the peak memory of that, an
upper bound: it includes what this script took when it forked.
"""

import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADAPTER = ROOT / "Fixtures/adapters/mpt-causal-lm"
WARM_UP = 5


def build(package, product):
    """Build a product for release and give its path."""
    command = ["swift", "build", "-c", "release", "--product", product]
    subprocess.run(command, cwd=package, check=True, stdout=subprocess.DEVNULL)
    folder = subprocess.run(
        [*command, "--show-bin-path"], cwd=package, check=True, capture_output=True, text=True
    )
    return Path(folder.stdout.strip()) / product


def seconds(command):
    """The wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def peak_kilobytes(command):
    """The peak resident memory of one run."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    return os.wait4(process.pid, 0)[2].ru_maxrss


def sparse_file(folder):
    """A safetensors file of 1 GB whose data takes no room on the drive."""
    count = 10**9 // 4
    info = {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}
    header = json.dumps({"weight": info}).encode()
    path = Path(folder) / "sparse.safetensors"
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 4 * count)
    return path


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    peftkit = build(ROOT, "peftkit")
    empty = build(ROOT / "Benchmarks/Startup", "Empty")
    commands = [[peftkit, "inspect", ADAPTER], [empty, ADAPTER]]
    rows = [[seconds(command) for command in commands] for _ in range(pairs + WARM_UP)][WARM_UP:]
    ours, theirs = (statistics.median(column) * 1000 for column in zip(*rows))
    ratio = statistics.median(a / b for a, b in rows)
    print(f"peftkit inspect {ours:.1f} ms, empty program {theirs:.1f} ms, ratio {ratio:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        path = sparse_file(folder)
        memory = peak_kilobytes([peftkit, "inspect", path]) / 1000
    print(f"peak memory: {memory:.0f} MB for a file of 1 GB, ", end="")
    print(f"{peak_kilobytes([empty, ADAPTER]) / 1000:.0f} MB for the empty program")


if __name__ == "__main__":
    main()
