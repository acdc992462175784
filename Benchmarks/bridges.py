# SPDX-License-Identifier: Apache-2.0
"""`peftkit convert --to` of an adapter of a model of 7 B parameters, against `cp` of the output.

    python Benchmarks/bridges.py [--rounds N] [--peftkit PATH]    with torch and safetensors

Makes an adapter of 32 layers with 7 modules each, rank 64, in BF16 (320 MB), and a base model of headers only, in a
temporary folder (TMPDIR says where; 3 GB), and converts it to F32 (640 MB) for each home, without the comparison at the
end. A row is the median of the ratios round by round, after one that does not count; no output exists before, and all
inputs are in the page cache. CPU is user and system time of all threads, the peak that of resident memory.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from conversion import build_peftkit

LAYERS, HIDDEN, INNER, RANK = 32, 4096, 11008, 64
MODULES = {
    "self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (HIDDEN, HIDDEN), "self_attn.v_proj": (HIDDEN, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN), "mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}  # fmt: skip
TARGETS = {"mlx": 1.5, "gguf": 1.3, "peft": None}
BASE = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN, "intermediate_size": INNER,
    "num_hidden_layers": LAYERS, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000,
    "tie_word_embeddings": False,
}  # fmt: skip


def make(folder):
    """Write the adapter and the config of its base model."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    tensors = {}
    for layer in range(LAYERS):
        for name, (outputs, inputs) in MODULES.items():
            module = f"base_model.model.model.layers.{layer}.{name}"
            tensors[f"{module}.lora_A.weight"] = torch.randn(RANK, inputs).to(torch.bfloat16)
            tensors[f"{module}.lora_B.weight"] = torch.randn(outputs, RANK).to(torch.bfloat16)
    (folder / "adapter").mkdir()
    save_file(tensors, folder / "adapter/adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 2 * RANK,
        "target_modules": [name.split(".")[1] for name in MODULES], "base_model_name_or_path": "base",
    }  # fmt: skip
    (folder / "adapter/adapter_config.json").write_text(json.dumps(config))
    (folder / "base").mkdir()
    (folder / "base/config.json").write_text(json.dumps(BASE))


def run(command, output):
    """Seconds of a run, its CPU seconds, and its peak in MiB; the output is removed before."""
    if output.is_dir():
        shutil.rmtree(output)
    output.unlink(missing_ok=True)
    os.sync()
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10


def largest_file(path):
    return max((path.iterdir() if path.is_dir() else [path]), key=lambda file: file.stat().st_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peftkit", type=Path)
    options = parser.parse_args()
    peftkit = options.peftkit or build_peftkit()
    with tempfile.TemporaryDirectory(prefix="peftkit-benchmark-") as scratch:
        folder = Path(scratch)
        # In a process of its own: the peak of a child counts what its parent held when it began.
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(folder,))
        maker.start()
        maker.join()
        print("| to | cp | target | wall, s | CPU, s | peak, MiB |\n|---|---|---|---|---|---|")
        for home, target in TARGETS.items():
            output = folder / f"out-{home}"
            command = [
                str(peftkit), "convert", str(folder / "adapter"), str(output), "--to", home, "--base",
                str(folder / "base"), "--dtype", "float32", "--no-check", "--no-sync",
            ]  # fmt: skip
            run(command, output)
            original = folder / "original"
            shutil.copyfile(largest_file(output), original)
            rounds = [
                (run(["cp", str(original), str(folder / "copy")], folder / "copy"), run(command, output))
                for _ in range(options.rounds + 1)
            ][1:]
            ratio = statistics.median(ours[0] / copy[0] for copy, ours in rounds)
            wall, cpu = (statistics.median(ours[column] for _, ours in rounds) for column in (0, 1))
            peak = max(ours[2] for _, ours in rounds)
            limit = f"{target}×" if target else "-"
            print(f"| {home} | {ratio:.2f}× | {limit} | {wall:.3f} | {cpu:.3f} | {peak} |", flush=True)
            original.unlink()


if __name__ == "__main__":
    main()
