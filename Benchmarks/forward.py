# SPDX-License-Identifier: Apache-2.0
"""The forward of peftkit against PEFT's module, and against filling memory.

    python Benchmarks/forward.py [PAIRS]      with torch, peft and safetensors installed

Makes seeded adapters of 8 tasks, builds Benchmarks/Forward, and for every case runs PEFT's
MultitaskPromptEmbedding and peftkit in turn, PAIRS times (20), a few repetitions each. PEFT's module is in the
dtype of the case, in inference mode and on as many threads as there are CPUs. What the table shows is the median
of the ratios of each pair, with the quartiles. Both sides allocate their output anew and have run before.
`into` compares with filling the same memory on all CPUs, by memset.

torch's threads wait for one another, so that it suffers more than peftkit from a busy machine. A pair
during which other processes used more than a twentieth of the CPUs is thrown away and taken again, for
PATIENCE seconds for a row (60, or what the environment says). A row that had to do without is marked busy.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from peft import MultitaskPromptTuningConfig
from peft.tuners.multitask_prompt_tuning import MultitaskPromptEmbedding
from safetensors.torch import save_file

from quiet import Watch

PACKAGE = Path(__file__).resolve().parent / "Forward"
TASKS = 8
CASES = [(1, 100, 768, 1), (8, 100, 4096, 1), (64, 100, 4096, 1), (64, 100, 4096, 8), (16, 100, 4096, 64)]
PATIENCE = float(os.environ.get("PATIENCE", 60))
MOST_OF_OTHERS = 0.05
DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def build():
    """Build the Swift side and give its path."""
    command = ["swift", "build", "-c", "release"]
    subprocess.run(command, cwd=PACKAGE, check=True, stdout=subprocess.DEVNULL)
    folder = subprocess.run([*command, "--show-bin-path"], cwd=PACKAGE, check=True, capture_output=True, text=True)
    return Path(folder.stdout.strip()) / "ForwardBenchmark"


def make_module(tokens, width, rank, dtype):
    """PEFT's module with random parameters."""
    config = MultitaskPromptTuningConfig(
        task_type="CAUSAL_LM", num_tasks=TASKS, num_ranks=rank, num_virtual_tokens=tokens, token_dim=width,
        num_transformer_submodules=1, num_attention_heads=1, num_layers=1, prompt_tuning_init="RANDOM")
    module = MultitaskPromptEmbedding(config, torch.nn.Embedding(1, width))
    return config, module.to(dtype).eval()


def save_adapter(folder, config, module):
    """The module as an adapter directory, in its own dtype."""
    tensors = {
        "prefix_task_cols": module.prefix_task_cols,
        "prefix_task_rows": module.prefix_task_rows,
        "prompt_embeddings": module.embedding.weight,
    }
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    config.save_pretrained(folder)


class Peftkit:
    """A running ForwardBenchmark."""

    def __init__(self, program, folder, dtype, task_ids):
        arguments = [program, folder, dtype, ",".join(map(str, task_ids.tolist())), folder / "indices.safetensors"]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what, argument):
        """One line of work, and its answer."""
        self.process.stdin.write(f"{what} {argument}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def seconds(self, what, repetitions):
        """The median of the repetitions."""
        return statistics.median(map(float, self.ask(what, repetitions).split()))

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def torch_seconds(module, indices, task_ids, repetitions):
    """The median of the repetitions, after one that does not count."""
    output = module(indices, task_ids)
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        output = module(indices, task_ids)
        times.append(time.perf_counter() - start)
    del output
    return statistics.median(times)


def check(peftkit, folder, expected):
    """The two sides compute the same prompts; at rank 1 every value is equal."""
    peftkit.ask("output", folder / "output")
    output = torch.frombuffer(bytearray((folder / "output").read_bytes()), dtype=expected.dtype).view_as(expected)
    difference = (output.double() - expected.double()).abs().max().item()
    scale = expected.double().abs().max().item()
    return difference, scale


def run_case(program, name, case, pairs):
    """One row of the table."""
    batch, tokens, width, rank = case
    torch.manual_seed(2024)
    config, module = make_module(tokens, width, rank, DTYPES[name])
    indices = torch.stack([torch.randperm(tokens) for _ in range(batch)])
    task_ids = torch.randint(0, TASKS, (batch,))
    repetitions = max(3, min(500, 2_000_000 // (batch * width)))
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        save_adapter(folder, config, module)
        save_file({"indices": indices}, folder / "indices.safetensors")
        peftkit = Peftkit(program, folder, name, task_ids)
        difference, scale = check(peftkit, folder, module(indices, task_ids))
        if difference > (0 if rank == 1 else scale * 0.02):
            sys.exit(f"{name} {case}: outputs differ by {difference} of {scale}")
        rows, busy_rows = [], []
        deadline = time.monotonic() + PATIENCE
        while len(rows) < pairs and (time.monotonic() < deadline or len(rows + busy_rows) < pairs):
            watch = Watch([peftkit.process.pid])
            theirs = torch_seconds(module, indices, task_ids, repetitions)
            fresh = peftkit.seconds("fresh", repetitions)
            into = peftkit.seconds("into", repetitions)
            fill = peftkit.seconds("fill", repetitions)
            row = (theirs, fresh, theirs / fresh, theirs / into, fill / into)
            (rows if watch.share_of_others() <= MOST_OF_OTHERS else busy_rows).append(row)
        peftkit.close()
    is_busy = len(rows) < pairs
    columns = zip(*(busy_rows if len(rows) < 2 else rows))
    return is_busy, [statistics.quantiles(column, n=4) for column in columns]


def main():
    pairs = max(2, int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    program = build()
    print("| dtype | B, V, D, R | PEFT | peftkit | times as fast | into own memory | share of the fill |")
    print("|---|---|---|---|---|---|---|")
    with torch.inference_mode():
        for case in CASES:
            for name in DTYPES:
                is_busy, columns = run_case(program, name, case, pairs)
                theirs, fresh, ratio, into, fill = columns
                print(
                    f"| {name} | {', '.join(map(str, case))} | {theirs[1] * 1e3:.3g} ms | {fresh[1] * 1e3:.3g} ms "
                    f"| **{ratio[1]:.1f}** ({ratio[0]:.1f} to {ratio[2]:.1f}) | {into[1]:.1f} "
                    f"| {fill[1]:.0%} |{' busy' if is_busy else ''}", flush=True)


if __name__ == "__main__":
    main()
