# SPDX-License-Identifier: Apache-2.0
"""`peftkit merge` into a base model of 2 GB, against `cp -r` of the base and against PEFT.

    python Benchmarks/merging.py [--rounds N] [--peftkit PATH] [--no-peft] [--sparse]    with torch, peft and transformers

Makes a llama of 1 B parameters in BF16, in two shards (2 GB), and adapters of rank 16 and 64 for all linear layers, in a
temporary folder (TMPDIR says where; 10 GB), and merges them with --no-sync. A row is the median of the ratios round by
round, after one that does not count; no output exists before, and all inputs are in the page cache. CPU is user and system
time of all threads, the peak that of resident memory. PEFT loads the model and the adapter, merges and saves; imports do
not count. With --sparse it also merges into a base of 20 GB in sparse files, of which one layer in ten is adapted.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bridges import run
from conversion import build_peftkit

HIDDEN, INNER, VOCABULARY, LAYERS = 2048, 5632, 32000, 19
SIZES = {
    "self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (HIDDEN, HIDDEN), "self_attn.v_proj": (HIDDEN, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN), "mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}  # fmt: skip
# Rank: the most times the wall time of cp, and how many times faster than PEFT.
TARGETS = {16: (1.5, 6), 64: (3.5, 5)}
PEAK = 96
SPARSE_LAYERS = 200


def config(layers):
    return {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN,
        "intermediate_size": INNER, "num_hidden_layers": layers, "num_attention_heads": 16,
        "num_key_value_heads": 16, "vocab_size": VOCABULARY, "tie_word_embeddings": False, "dtype": "bfloat16",
    }  # fmt: skip


def shapes(layers):
    """The tensors of the model, by name."""
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(layers):
        for name, shape in SIZES.items():
            yield f"model.layers.{layer}.{name}.weight", shape
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"model.layers.{layer}.{name}.weight", (HIDDEN,)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)


def shards(layers, count):
    """The names and shapes of each shard."""
    tensors = list(shapes(layers))
    size = -(-len(tensors) // count)
    return [tensors[start : start + size] for start in range(0, len(tensors), size)]


def write_index(folder, parts):
    names = [f"model-{number + 1:05}-of-{len(parts):05}.safetensors" for number in range(len(parts))]
    places = {tensor: name for name, part in zip(names, parts, strict=True) for tensor, _ in part}
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return names


def make_adapter(folder, rank, layers):
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(rank)
    tensors = {}
    for layer in layers:
        for name, (outputs, inputs) in SIZES.items():
            module = f"base_model.model.model.layers.{layer}.{name}"
            tensors[f"{module}.lora_A.weight"] = torch.randn(rank, inputs, generator=generator) * 0.02
            tensors[f"{module}.lora_B.weight"] = torch.randn(outputs, rank, generator=generator) * 0.02
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 2 * rank,
        "target_modules": [name.split(".")[1] for name in SIZES], "layers_to_transform": list(layers),
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))


def make(folder):
    """Write the base model and the adapters."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(0)
    base = folder / "base"
    base.mkdir()
    (base / "config.json").write_text(json.dumps(config(LAYERS)))
    parts = shards(LAYERS, 2)
    for name, part in zip(write_index(base, parts), parts, strict=True):
        tensors = {
            tensor: (torch.randn(shape, generator=generator) * 0.02).to(torch.bfloat16) for tensor, shape in part
        }
        save_file(tensors, base / name, metadata={"format": "pt"})
    for rank in TARGETS:
        make_adapter(folder / f"adapter-{rank}", rank, range(LAYERS))


def make_sparse(folder):
    """Write headers of a base model of 20 GB, and an adapter for one layer in ten."""
    base = folder / "sparse"
    base.mkdir()
    (base / "config.json").write_text(json.dumps(config(SPARSE_LAYERS)))
    parts = shards(SPARSE_LAYERS, 8)
    for name, part in zip(write_index(base, parts), parts, strict=True):
        header, end = {}, 0
        for tensor, shape in part:
            count = 2
            for size in shape:
                count *= size
            header[tensor] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + count]}
            end += count
        text = json.dumps(header).encode()
        with open(base / name, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(8 + len(text) + end)
    make_adapter(folder / "adapter-sparse", 16, range(0, SPARSE_LAYERS, 10))


PEFT = """
import sys, time
import peft, torch, transformers
start = time.perf_counter()
model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
model = peft.PeftModel.from_pretrained(model, sys.argv[2]).merge_and_unload()
model.save_pretrained(sys.argv[3])
print(time.perf_counter() - start)
"""


def peft_seconds(folder, rank):
    """Seconds of PEFT's load, merge and save."""
    output = folder / "peft-out"
    run(["rm", "-rf", str(output)], folder / "none")
    arguments = [sys.executable, "-c", PEFT, str(folder / "base"), str(folder / f"adapter-{rank}"), str(output)]
    return float(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()[-1])


def warm(folder):
    for path in folder.rglob("*.safetensors"):
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def merge(peftkit, adapter, base, output):
    return run([str(peftkit), "merge", str(adapter), "--base", str(base), "-o", str(output), "--no-sync"], output)


def in_own_process(function, folder):
    """The peak of a child counts what its parent held when it began."""
    maker = multiprocessing.get_context("spawn").Process(target=function, args=(folder,))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise SystemExit("the inputs could not be made")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peftkit", type=Path)
    parser.add_argument("--no-peft", action="store_true", help="leave PEFT out")
    parser.add_argument("--sparse", action="store_true", help="also merge into a sparse base of 20 GB")
    options = parser.parse_args()
    peftkit = options.peftkit or build_peftkit()
    with tempfile.TemporaryDirectory(prefix="peftkit-benchmark-") as scratch:
        folder = Path(scratch)
        in_own_process(make, folder)
        warm(folder)
        print("| rank | × cp | at most | × PEFT | at least | wall, s | CPU, s | cp, s | cp CPU, s | peak, MiB (at most 96) |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for rank, (limit, speedup) in TARGETS.items():
            rounds = []
            for _ in range(options.rounds + 1):
                copied = run(["cp", "-r", str(folder / "base"), str(folder / "copy")], folder / "copy")
                # Neither finds the other's output in memory, waiting for the drive.
                shutil.rmtree(folder / "copy")
                merged = merge(peftkit, folder / f"adapter-{rank}", folder / "base", folder / "out")
                shutil.rmtree(folder / "out")
                rounds.append((copied, merged))
            del rounds[0]
            ratio = statistics.median(ours[0] / copy[0] for copy, ours in rounds)
            wall, cpu = (statistics.median(ours[column] for _, ours in rounds) for column in (0, 1))
            copy, copy_cpu = (statistics.median(copy[column] for copy, _ in rounds) for column in (0, 1))
            peak = max(ours[2] for _, ours in rounds)
            peft = "-" if options.no_peft else f"{peft_seconds(folder, rank) / wall:.1f}"
            print(
                f"| {rank} | {ratio:.2f} | {limit} | {peft} | {speedup} | {wall:.2f} | {cpu:.2f} | {copy:.2f} "
                f"| {copy_cpu:.2f} | {peak} |",
                flush=True,
            )
        if options.sparse:
            in_own_process(make_sparse, folder)
            wall, cpu, peak = merge(peftkit, folder / "adapter-sparse", folder / "sparse", folder / "out")
            print(f"| 16, 20 GB sparse | - | - | - | - | {wall:.2f} | {cpu:.2f} | - | - | {peak} |")


if __name__ == "__main__":
    main()
