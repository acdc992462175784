# SPDX-License-Identifier: Apache-2.0
"""`peftkit rank` of an adapter of a 7B model, r = 64 to 16, against torch's singular value decomposition of the dense
updates.

    python Benchmarks/rank.py [ROUNDS]      with torch and safetensors installed

Makes an adapter of 32 layers with 7 modules (F32, 640 MB); builds peftkit, and runs it as a fresh process on files in the
page cache. torch is timed on two modules of each shape, with all CPUs in F32, and the time is scaled up to all modules:
all of them would take hours. The errors of those modules are compared with the tails of the singular values.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deltas import LAYERS, MODULES, RANK, measured
from startup import ROOT, build

NEW = 16
TIMED = 2


def make(folder):
    """The adapter, with singular values that fall as those of trained ones do."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    weights = torch.logspace(0, -2, RANK).unsqueeze(1)
    tensors = {}
    for layer in range(LAYERS):
        for module, (outputs, inputs) in MODULES.items():
            name = f"base_model.model.model.layers.{layer}.{module}.lora_"
            tensors[name + "A.weight"] = torch.randn(RANK, inputs) / 50 * weights
            tensors[name + "B.weight"] = torch.randn(outputs, RANK) / 50
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA", "r": RANK, "lora_alpha": 24, "task_type": "CAUSAL_LM",
        "target_modules": sorted({module.split(".")[1] for module in MODULES}),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return tensors


def dense(tensors, report):
    """The seconds that torch takes for all modules, scaled up, and the largest difference of the errors."""
    import torch

    total, worst = 0.0, 0.0
    errors = {module["name"]: module["relative_error"] for module in report["modules"]}
    for shape in sorted({*MODULES.values()}):
        names = [name for name, own in MODULES.items() if own == shape]
        times = []
        for layer in range(TIMED):
            name = f"model.layers.{layer}.{names[0]}"
            b, a = (tensors[f"base_model.model.{name}.lora_{side}.weight"] for side in "BA")
            start = time.perf_counter()
            u, s, vh = torch.linalg.svd(b @ a, full_matrices=False)
            _ = u[:, :NEW] * s[:NEW].sqrt(), s[:NEW].sqrt().unsqueeze(1) * vh[:NEW]
            times.append(time.perf_counter() - start)
            tail = (s[NEW:].double().norm() / s.double().norm()).item()
            worst = max(worst, abs(errors[name] - tail) / tail)
        print(f"torch {shape}: {statistics.mean(times):.1f} s for a module")
        total += statistics.mean(times) * len(names) * LAYERS
    return total, worst


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    peftkit = os.environ.get("PEFTKIT") or str(build(ROOT, "peftkit"))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "target"
        source.mkdir()
        tensors = make(source)
        command = [peftkit, "rank", str(source), "--to", str(NEW), "-o", str(target), "--force", "--json"]
        runs = [measured(command) for _ in range(rounds)]
        own = statistics.median(seconds for seconds, _ in runs)
        print(f"peftkit: {own:.2f} s, at most {max(peak for _, peak in runs):.0f} MiB")
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        total, worst = dense(tensors, report)
        print(f"torch: {total:.0f} s for all {len(report['modules'])} modules, scaled up")
        print(f"torch / peftkit: {total / own:.0f}")
        print(f"largest relative difference of an error to the tail: {worst:.1e}")


if __name__ == "__main__":
    main()
