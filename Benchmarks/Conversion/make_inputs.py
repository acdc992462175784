# SPDX-License-Identifier: Apache-2.0
"""Makes what Benchmarks/conversion.py converts.

    python make_inputs.py FOLDER MEGABYTES TENSORS ADAPTERS

FOLDER gets `large.bin` (300 tensors, bf16), `large.safetensors` (300 tensors, f32), `header.safetensors` (a
header of that many tensors), `adapters`, directories as PEFT saves small adapters of multitask prompt tuning, all of
one shape, and `mixed-adapters`, of five shapes in turn; `1.bin` to `90.bin`, LoRA weights of about so many
megabytes, and `values.bin`, a few tensors beside as many plain values as the header has tensors.
"""

import itertools
import json
import struct
import sys
from pathlib import Path

import torch
from peft import MultitaskPromptTuningConfig
from safetensors.torch import save_file

LARGE_TENSORS = 300
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def large_tensors(megabytes, dtype):
    """A checkpoint of that many 10^6 bytes, of random numbers."""
    count = megabytes * 10**6 // dtype.itemsize // LARGE_TENSORS // 1000
    generator = torch.Generator().manual_seed(2024)
    block = torch.randn(count, 1000, generator=generator)
    return {
        f"model.layers.{index // 7}.{MODULES[index % 7]}.weight": (block * (1 + index / 100)).to(dtype)
        for index in range(LARGE_TENSORS)
    }


# Megabytes, layers, width and rank of LoRA weights for four modules.
SIZES = [(1, 8, 1024, 4), (7, 24, 2304, 4), (17, 32, 4096, 4), (90, 32, 5504, 16)]


def write_sizes(folder):
    """LoRA weights of several sizes."""
    generator = torch.Generator().manual_seed(2024)
    for megabytes, layers, width, rank in SIZES:
        tensors = {}
        for layer in range(layers):
            for module in MODULES[:4]:
                stem = f"base_model.model.model.layers.{layer}.self_attn.{module}"
                tensors[f"{stem}.lora_A.weight"] = torch.randn(rank, width, generator=generator)
                tensors[f"{stem}.lora_B.weight"] = torch.randn(width, rank, generator=generator)
        torch.save(tensors, folder / f"{megabytes}.bin")


def write_values(path, count):
    """A checkpoint of a training run: a small model, and a history of plain values."""
    history = {f"step {number}": number / 7 for number in range(count)}
    torch.save({"model": {"weight": torch.ones(64, 64)}, "history": history}, path)


def write_header(path, count):
    """A file of that many small tensors, as the adapters of a large mixture of experts have them."""
    header = {"__metadata__": {"format": "pt"}}
    for index in range(count):
        layer, expert, module = index // 7 // 512, index // 7 % 512, MODULES[index % 7]
        name = f"base_model.model.model.layers.{layer}.mlp.experts.{expert}.{module}.lora_A.weight"
        header[name] = {"dtype": "BF16", "shape": [4, 8], "data_offsets": [index * 64, index * 64 + 64]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(64 * count))


def write_adapters(folder, count, token_counts, tasks=8, width=64):
    """Adapters of 8 tasks and tokens of 64 numbers, of so many tokens in turn."""
    generator = torch.Generator().manual_seed(2024)
    for index, tokens in zip(range(count), itertools.cycle(token_counts)):
        config = MultitaskPromptTuningConfig(
            task_type="CAUSAL_LM", num_tasks=tasks, num_ranks=1, num_virtual_tokens=tokens, token_dim=width,
            num_transformer_submodules=1, num_attention_heads=1, num_layers=1, base_model_name_or_path="org/model")
        adapter = folder / f"adapter-{index:05}"
        adapter.mkdir(parents=True)
        config.save_pretrained(adapter)
        tensors = {
            "prefix_task_cols": torch.randn(tasks, tokens, 1, generator=generator),
            "prefix_task_rows": torch.randn(tasks, 1, width, generator=generator),
            "prompt_embeddings": torch.randn(tokens, width, generator=generator),
        }
        torch.save(tensors, adapter / "adapter_model.bin")


def main():
    folder, (megabytes, tensors, adapters) = Path(sys.argv[1]), map(int, sys.argv[2:])
    torch.save(large_tensors(megabytes, torch.bfloat16), folder / "large.bin")
    save_file(large_tensors(megabytes, torch.float32), folder / "large.safetensors", metadata={"format": "pt"})
    write_header(folder / "header.safetensors", tensors)
    write_sizes(folder)
    write_values(folder / "values.bin", tensors)
    write_adapters(folder / "adapters", adapters, [20])
    write_adapters(folder / "mixed-adapters", adapters, [16, 18, 20, 22, 24])


if __name__ == "__main__":
    main()
