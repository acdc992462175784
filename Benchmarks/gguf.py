# SPDX-License-Identifier: Apache-2.0
"""The header of a GGUF file of 100,000 tensors: `peftkit inspect --json` against the gguf package's reader.

    python3 Benchmarks/gguf.py [RUNS]

Needs gguf (Tests/Interop/requirements.txt). Prints the medians of whole processes of both, and of the
reader alone, which excludes the start of Python and its imports. $PEFTKIT is the binary, by default the
release build.
"""

import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEFTKIT = os.environ.get("PEFTKIT", ROOT / ".build/release/peftkit")
COUNT = 100_000
READ = """
import sys, time
from gguf import GGUFReader
start = time.perf_counter()
tensors = [(t.name, t.tensor_type.name, t.shape.tolist(), t.n_bytes) for t in GGUFReader(sys.argv[1]).tensors]
assert len(tensors) == int(sys.argv[2])
print(time.perf_counter() - start)
"""


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def write(path):
    """A file of LoRA factors in F16, with a vocabulary; the data is sparse."""
    tokens = b"".join(text(f"token {index}") for index in range(32000))
    keys = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 32000) + tokens,
    ]
    infos, offset = [], 0
    for index in range(COUNT):
        name = f"blk.{index // 14}.attn_{'qkvo'[index % 4]}.weight.lora_{'ab'[index % 2]}.{index % 14}"
        infos.append(text(name) + struct.pack("<IQQIQ", 2, 64, 16, 1, offset))
        offset += 2048
    header = b"GGUF" + struct.pack("<IQQ", 3, COUNT, len(keys)) + b"".join(keys) + b"".join(infos)
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(-(-len(header) // 32) * 32 + offset)


def timed(command):
    start = time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return time.perf_counter() - start, output


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.gguf"
        write(path)
        ours, theirs, reader = [], [], []
        for _ in range(runs):
            ours.append(timed([PEFTKIT, "inspect", path, "--json"])[0])
            seconds, output = timed([sys.executable, "-c", READ, path, str(COUNT)])
            theirs.append(seconds)
            reader.append(float(output))
    ours, theirs, reader = map(statistics.median, (ours, theirs, reader))
    print(f"peftkit inspect --json {ours * 1000:.0f} ms, gguf's reader {reader:.2f} s ({reader / ours:.0f}x), ", end="")
    print(f"with Python's start {theirs:.2f} s ({theirs / ours:.0f}x)")


if __name__ == "__main__":
    main()
