# SPDX-License-Identifier: Apache-2.0
"""Adapters for the pages, written without any library."""

import json
import math
import random
import struct
from array import array

LLAMA = {"self_attn.q_proj": (96, 96), "self_attn.k_proj": (96, 24), "self_attn.v_proj": (96, 24),
         "self_attn.o_proj": (96, 96), "mlp.gate_proj": (96, 192), "mlp.up_proj": (96, 192),
         "mlp.down_proj": (192, 96)}
HOSTILE = "</title><script>window.harmed = 1</script>\"'><img src=x onerror='window.harmed = 1'>"


def write(path, config, tensors, metadata=None):
    """Writes a directory with F32 tensors, each a shape and its values."""
    path.mkdir(parents=True)
    (path / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    header, data = {"__metadata__": metadata or {"format": "pt"}}, array("f")
    for name, (shape, values) in tensors.items():
        start = 4 * len(data)
        data.extend(values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, 4 * len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path / "adapter_model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        data.tofile(file)
    return path


def lora_config(**changes):
    return {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 16,
            "lora_dropout": 0.05, "bias": "none", "inference_mode": True,
            "base_model_name_or_path": "example/base-8b",
            "target_modules": sorted({name.split(".")[1] for name in LLAMA}), **changes}


def lora(path, seed=1, layers=32, rank=8, strength=1.0, change=None, **config):
    """A LoRA adapter whose later layers and values change more."""
    draw = random.Random(seed)
    tensors = {}
    for layer in range(layers):
        for place, (module, (width, height)) in enumerate(LLAMA.items()):
            peak = math.exp(-((layer - 18 - 2 * place) / 9) ** 2)
            size = strength * 0.02 * (0.4 + 0.6 * peak) * (1.6 if "v_proj" in module else 1)
            decay = 2 + 8 * layer / layers + place
            prefix = f"base_model.model.model.layers.{layer}.{module}."
            tensors[prefix + "lora_A.weight"] = ([rank, width], [
                draw.gauss(0, width ** -0.5) * math.exp(-row / decay)
                for row in range(rank) for _ in range(width)])
            tensors[prefix + "lora_B.weight"] = (
                [height, rank], [draw.gauss(0, size) for _ in range(height * rank)])
    if change:
        change(tensors)
    return write(path, lora_config(r=rank, lora_alpha=2 * rank, **config), tensors)


def multitask(path, tasks=20, tokens=20, rank=2, width=192, seed=3):
    """A multitask prompt tuning adapter with four groups of like tasks."""
    draw = random.Random(seed)

    def normal(count, size=1.0):
        return [draw.gauss(0, size) for _ in range(count)]

    groups = [(normal(tokens * rank), normal(rank * width)) for _ in range(4)]
    columns, rows = [], []
    for task in range(tasks):
        noise = 0.2 + 0.04 * task
        for target, source in zip((columns, rows), groups[task % 4]):
            target.extend(value + draw.gauss(0, noise) for value in source)
    config = {"peft_type": "MULTITASK_PROMPT_TUNING", "task_type": "CAUSAL_LM", "num_tasks": tasks,
              "num_virtual_tokens": tokens, "num_ranks": rank, "token_dim": width, "num_layers": 12,
              "num_attention_heads": 12, "num_transformer_submodules": 1, "inference_mode": True,
              "base_model_name_or_path": "example/base-small"}
    return write(path, config, {
        "prompt_embeddings": ([tokens, width], normal(tokens * width, 0.5)),
        "prefix_task_cols": ([tasks, tokens, rank], columns),
        "prefix_task_rows": ([tasks, rank, width], rows)})


def small(path, seed, layers=12):
    """A small adapter for trees; one in some has a defect."""
    draw = random.Random(seed)
    tensors = {}
    for layer in range(layers):
        for module in ("q_proj", "v_proj"):
            prefix = f"base_model.model.model.layers.{layer}.self_attn.{module}."
            size = draw.uniform(0.2, 1) * math.exp(-((layer - seed % layers) / 5) ** 2)
            tensors[prefix + "lora_A.weight"] = ([4, 16], [draw.gauss(0, 0.3) for _ in range(64)])
            tensors[prefix + "lora_B.weight"] = ([16, 4], [draw.gauss(0, size) for _ in range(64)])
    changes = {}
    if seed % 23 == 5:
        tensors = {name.removeprefix("base_model.model."): value for name, value in tensors.items()}
    if seed % 17 == 3:
        changes["layers_pattern"] = "layers"
    if seed % 41 == 7:
        changes["peft_type"] = "LORAX"
    base = f"example/base-{[1, 3, 8, 70][seed % 4]}b"
    return write(path, lora_config(r=4, lora_alpha=8, base_model_name_or_path=base,
                                   target_modules=["q_proj", "v_proj"], **changes), tensors)


def hostile(path):
    """An adapter whose every text is an attack, with long names and 10,000 layers."""
    tensors = {}
    for layer in range(10_000):
        prefix = f"base_model.model.model.layers.{layer}.{'<b>' if layer % 2 else 'q'}."
        tensors[prefix + "lora_A.weight"] = ([1, 2], [1, math.nan if layer % 7 == 0 else 2])
        tensors[prefix + "lora_B.weight"] = ([2, 1], [1, math.inf if layer % 11 == 0 else 2])
    for place in range(20):
        tensors[HOSTILE * 700 + str(place)] = ([1], [1])
    config = lora_config(base_model_name_or_path=HOSTILE, target_modules=[HOSTILE * 100], r=1)
    config.update({HOSTILE + str(place): HOSTILE * 300 for place in range(1000)})
    return write(path, config, tensors, {HOSTILE: HOSTILE * 1000, "format": HOSTILE})
