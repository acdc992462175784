# SPDX-License-Identifier: Apache-2.0
"""`peftkit diff --deltas` of two adapters of a 7B model against a script that does the same with torch.

    python Benchmarks/deltas.py [PAIRS]      with torch and safetensors installed

Makes two adapters of 32 layers with 7 modules (r = 64, BF16, 320 MB each) and one that is the first with its
scale folded; builds peftkit, runs the programs in turn as fresh processes on files in the page cache, and prints
the medians, the median of the ratios pair by pair, and the largest memory. The script takes the distance as
peftkit does, by QR of the stacked factors.
"""

import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from startup import ROOT, build

HIDDEN, INNER, RANK, LAYERS = 4096, 11008, 64, 32
MODULES = {
    **{f"self_attn.{name}_proj": (HIDDEN, HIDDEN) for name in "qkvo"},
    "mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN), "mlp.down_proj": (HIDDEN, INNER),
}

SCRIPT = '''
import json
import sys

import torch
from safetensors import safe_open

sides = []
for path in sys.argv[1:]:
    config = json.load(open(path + "/adapter_config.json"))
    sides.append((safe_open(path + "/adapter_model.safetensors", "pt"), config["lora_alpha"] / config["r"]))
worst = 0.0
for name in sides[0][0].keys():
    if "lora_A" not in name:
        continue
    a = [file.get_tensor(name).double() for file, _ in sides]
    b = [file.get_tensor(name.replace("lora_A", "lora_B")).double() * scale for file, scale in sides]
    outer = torch.linalg.qr(torch.cat(b, 1), mode="r").R
    inner = torch.linalg.qr(torch.cat(a).T, mode="r").R
    rank = a[0].shape[0]
    left, right = outer[:, :rank] @ inner[:, :rank].T, outer[:, rank:] @ inner[:, rank:].T
    worst = max(worst, float((left - right).norm() / max(left.norm(), right.norm())))
print(worst)
'''

def make(folder):
    """The adapters: two that have nothing in common, and the first one with its scale folded into B."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    first, second, folded = {}, {}, {}
    for layer in range(LAYERS):
        for module, (outputs, inputs) in MODULES.items():
            name = f"base_model.model.model.layers.{layer}.{module}.lora_"
            for tensors in (first, second):
                tensors[name + "A.weight"] = (torch.randn(RANK, inputs) / 50).bfloat16()
                tensors[name + "B.weight"] = (torch.randn(outputs, RANK) / 50).bfloat16()
            folded[name + "A.weight"] = first[name + "A.weight"]
            folded[name + "B.weight"] = (first[name + "B.weight"].float() * 0.375).bfloat16()
    for name, tensors, alpha in (("first", first, 24), ("second", second, 24), ("folded", folded, RANK)):
        path = folder / name
        path.mkdir()
        save_file(tensors, path / "adapter_model.safetensors")
        config = {
            "peft_type": "LORA", "r": RANK, "lora_alpha": alpha, "task_type": "CAUSAL_LM",
            "target_modules": sorted({module.split(".")[1] for module in MODULES}),
        }
        (path / "adapter_config.json").write_text(json.dumps(config))


def measured(command):
    """Seconds, and the largest memory in MiB."""
    start = time.perf_counter()
    null = os.open(os.devnull, os.O_WRONLY)
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
    _, _, usage = os.wait4(pid, 0)
    os.close(null)
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    peftkit = os.environ.get("PEFTKIT") or str(build(ROOT, "peftkit"))
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: the peak of a child includes what its parent had when it forked.
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(Path(folder),))
        maker.start()
        maker.join()
        first, second, folded = (str(Path(folder) / name) for name in ("first", "second", "folded"))
        script = Path(folder) / "deltas.py"
        script.write_text(SCRIPT)
        programs = {
            "different": [peftkit, "diff", first, second, "--deltas"],
            "folded": [peftkit, "diff", first, folded, "--deltas"],
            "torch": [sys.executable, str(script), first, second],
        }
        times = {name: [] for name in programs}
        memory = dict.fromkeys(programs, 0.0)
        for _ in range(pairs):
            for name, command in programs.items():
                elapsed, largest = measured(command)
                times[name].append(elapsed)
                memory[name] = max(memory[name], largest)
        for name, values in times.items():
            print(f"{name:9} {statistics.median(values):6.2f} s, at most {memory[name]:.0f} MiB")
        for name in ("different", "folded"):
            ratio = statistics.median(t / own for t, own in zip(times["torch"], times[name]))
            print(f"torch / {name}: {ratio:.1f}")
        ratio = statistics.median(d / f for d, f in zip(times["different"], times["folded"]))
        print(f"different / folded: {ratio:.1f}")


if __name__ == "__main__":
    main()
