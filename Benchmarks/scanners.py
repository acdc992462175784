# SPDX-License-Identifier: Apache-2.0
"""Scans harmless files of sixty kinds with peftkit and with other scanners, and prints a table for docs/peers.md.

    pip install picklescan==1.0.5 fickling==0.1.12 modelscan==0.8.8 modelaudit==0.2.54
    PEFTKIT=.build-static/release/peftkit python Benchmarks/scanners.py

Each tool runs as a process of its own for each file, so that its time is that of a command.
"""

import os
import pathlib
import resource
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(sys.executable).parent
VECTORS = ROOT / "Tests" / "CheckpointScanTests" / "Vectors"
FILES = [
    *sorted(path for path in (ROOT / "Fixtures" / "foreign").iterdir() if path.suffix != ".py"),
    *sorted((VECTORS / "good").iterdir()), *sorted((VECTORS / "trainer").iterdir()),
    ROOT / "Fixtures/adapters/lora/adapter_model.safetensors", ROOT / "Fixtures/adapters/lora-bin/adapter_model.bin",
    *sorted((ROOT / "Fixtures/gguf/written").iterdir())[:1],
    *sorted((ROOT / "Tests/NumPyArchiveTests/Vectors").rglob("*.npz"))[:1],
    *sorted((ROOT / "Tests/NumPyArchiveTests/Vectors").rglob("*.npy"))[:1],
]
TOOLS = {
    "picklescan": (lambda path: [BIN / "picklescan", "--path", path], {0: "clean", 1: "alarm"}),
    "fickling": (lambda path: [BIN / "fickling", "--check-safety", path], {0: "clean", 1: "alarm", 2: "not read"}),
    "modelscan": (lambda path: [BIN / "modelscan", "-p", path], {0: "clean", 1: "alarm", 3: "not read"}),
    "modelaudit": (lambda path: [BIN / "modelaudit", "scan", path], {0: "clean", 1: "alarm", 2: "not read"}),
}


def run(command):
    """The exit code, the output and the CPU time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = dict(os.environ, DO_NOT_TRACK="1", NO_COLOR="1", PROMPTFOO_DISABLE_TELEMETRY="1")
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        code, output = result.returncode, result.stdout
    except subprocess.TimeoutExpired:
        code, output = None, ""
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return code, output, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    times = dict.fromkeys(["peftkit", *TOOLS], 0.0)
    print("| file | peftkit | " + " | ".join(TOOLS) + " |\n|---|---|" + "---|" * len(TOOLS))
    for path in FILES:
        _, output, seconds = run([os.environ["PEFTKIT"], "scan", path])
        times["peftkit"] += seconds
        cells = [next((v for v in ("data only", "asks for code", "damaged") if f": {v}" in output), "?")]
        for name, (command, words) in TOOLS.items():
            code, _, seconds = run(command(path))
            times[name] += seconds
            cells.append("2 minutes" if code is None else words.get(code, "error"))
        print(f"| `{path.name}` | " + " | ".join(cells) + " |", flush=True)
    print("| ms of CPU a file | " + " | ".join(f"{1000 * t / len(FILES):.0f}" for t in times.values()) + " |")


if __name__ == "__main__":
    main()
