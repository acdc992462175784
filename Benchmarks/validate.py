# SPDX-License-Identifier: Apache-2.0
"""`peftkit validate --recursive` of 2,000 small adapters against a warm loop of PEFT and safetensors.

    python Benchmarks/validate.py [RUNS]      with torch, peft and safetensors installed

Makes LoRA adapters of a few layers, first ones that differ in their values alone and then ones that each have a
config of their own, builds peftkit, and runs the two in turn: peftkit as a fresh process, and a
process that has imported everything, has run the loop once, and times it alone. The loop does less: it reads each
config with PEFT, each shape with safetensors, and asks torch whether all values are finite. Prints the medians
and the median of the ratios run by run, of wall time and of CPU time, which holds on a busy machine. With `--one
PATH`, also how fast the values of one large file are read.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from startup import build

ADAPTERS = 2000
LAYERS, WIDTH, RANK = 4, 64, 8
MODULES = ("q_proj", "v_proj")

LOOP = '''
import sys, time
from pathlib import Path
import torch
from peft import PeftConfig
from safetensors import safe_open

def check(folder):
    PeftConfig.from_pretrained(folder)
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        for name in file.keys():
            file.get_slice(name).get_shape()
            assert torch.isfinite(file.get_tensor(name)).all()

folders = sorted(Path(sys.argv[1]).iterdir())
for folder in folders:
    check(folder)
torch.set_num_threads(1)
for _ in sys.stdin:
    start, cpu = time.perf_counter(), time.process_time()
    for folder in folders:
        check(folder)
    print(time.perf_counter() - start, time.process_time() - cpu, flush=True)
'''

# A fresh interpreter that starts the command: the peak of a child includes what its parent had when it forked.
RUN = '''
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
usage = os.wait4(process.pid, 0)[2]
print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
'''


def run(command):
    """The wall time, the CPU time and the peak memory in kB of one run."""
    done = subprocess.run([sys.executable, "-S", "-c", RUN, *command], check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def make_adapters(root, has_own_configs=False):
    """Write adapters that PEFT loads, each with its own values."""
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "org/model", "r": RANK,
        "lora_alpha": 16, "lora_dropout": 0.0, "target_modules": list(MODULES), "inference_mode": True,
        "bias": "none", "fan_in_fan_out": False, "init_lora_weights": True, "modules_to_save": None,
        "rank_pattern": {}, "alpha_pattern": {}, "use_dora": False, "use_rslora": False, "peft_version": "0.21.2",
    }
    torch.manual_seed(0)
    for number in range(ADAPTERS):
        folder = root / f"adapter-{number:04}"
        folder.mkdir()
        if has_own_configs:
            config["base_model_name_or_path"] = f"org/model-{number}"
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
        tensors = {}
        for layer in range(LAYERS):
            for module in MODULES:
                stem = f"base_model.model.model.layers.{layer}.self_attn.{module}.lora_"
                tensors[stem + "A.weight"] = torch.randn(RANK, WIDTH)
                tensors[stem + "B.weight"] = torch.randn(WIDTH, RANK)
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def compare(peftkit, runs, what, has_own_configs):
    """Check adapters in turn with both, and print how long that took."""
    with tempfile.TemporaryDirectory() as folder:
        make_adapters(Path(folder), has_own_configs)
        command = [peftkit, "validate", "--recursive", folder]
        run(command)
        loop = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", LOOP, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        rows = []
        for _ in range(runs):
            ours = run(command)[:2]
            print(file=loop.stdin, flush=True)
            rows.append((*ours, *map(float, loop.stdout.readline().split())))
        loop.stdin.close()
        loop.wait()
    for name, place in (("wall", 0), ("CPU", 1)):
        ours, theirs = (statistics.median(row[place + side] for row in rows) * 1000 for side in (0, 2))
        ratio = statistics.median(row[place + 2] / row[place] for row in rows)
        print(f"{what}, {name} time: peftkit {ours:.0f} ms, ", end="")
        print(f"PEFT and safetensors {theirs:.0f} ms, ratio {ratio:.1f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=int, nargs="?", default=10)
    parser.add_argument("--one", type=Path)
    parser.add_argument("--peftkit", type=Path, help="a binary to use instead of building one")
    arguments = parser.parse_args()
    peftkit = arguments.peftkit or build(Path(__file__).resolve().parent.parent, "peftkit")
    compare(peftkit, arguments.runs, f"{ADAPTERS} adapters", False)
    compare(peftkit, arguments.runs, f"{ADAPTERS} adapters with configs of their own", True)
    if arguments.one:
        command = [peftkit, "validate", arguments.one]
        run(command)
        runs = [run(command) for _ in range(arguments.runs)]
        time = statistics.median(row[0] for row in runs)
        rate = arguments.one.stat().st_size / time / 1e9
        print(f"{arguments.one.name}: {time * 1000:.0f} ms, {rate:.1f} GB/s, ", end="")
        print(f"peak memory {max(row[2] for row in runs) / 1000:.0f} MB")


if __name__ == "__main__":
    main()
