#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of tensor names in Sources/Bridges/Homes/GGUF/GGUFNames+Data.swift.

For each model type it creates a small model of transformers on the meta device, looks up the names of its modules in
gguf's tensor map, and records the GGUF architecture, the tensors, and the order of rows that the converter of
llama.cpp gives them. The last column of KINDS and the tensors in IGNORED come from that converter and from the graphs
of llama.cpp; Tests/Interop/test_bridge_gguf.py compares each of them by logits.

It needs the releases of transformers and gguf that the interop tests pin (Tests/Interop/setup.sh).

    .interop-venv/bin/python Scripts/make_gguf_names.py
"""

import os
import pathlib
import re

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import importlib.metadata

import gguf
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "Sources/Bridges/Homes/GGUF/GGUFNames+Data.swift"
LAYERS = 2

# The model type, its GGUF architecture, and the order of rows that the converter changes, by the end of a module's name.
TYPES = [
    ("llama", "llama", {"q_proj": "rotary", "k_proj": "rotary_kv"}),
    ("mistral", "llama", {"q_proj": "rotary", "k_proj": "rotary_kv"}),
    ("mixtral", "llama", {"q_proj": "rotary", "k_proj": "rotary_kv"}),
    ("qwen2", "qwen2", {}),
    ("qwen2_moe", "qwen2moe", {}),
    ("qwen3", "qwen3", {}),
    ("qwen3_moe", "qwen3moe", {}),
    ("gemma", "gemma", {}),
    ("gemma2", "gemma2", {}),
    ("gemma3_text", "gemma3", {}),
    ("gemma3", "gemma3", {}),
    ("phi3", "phi3", {}),
    ("gpt2", "gpt2", {}),
    ("gpt_neox", "gptneox", {"query_key_value": "heads"}),
    ("falcon", "falcon", {"query_key_value": "groups"}),
    ("starcoder2", "starcoder2", {}),
    ("olmo2", "olmo2", {}),
    ("deepseek_v2", "deepseek2", {}),
    ("deepseek_v3", "deepseek2", {}),
]
# Tensors whose LoRA llama.cpp loads and does not compute with, or for which it has no tensor.
IGNORED = {
    "deepseek2": {"attn_q", "attn_q_a", "attn_q_b", "attn_kv_a_mqa", "attn_kv_b", "output"},
    "gpt2": {"position_embd"},
}
# What transformers 4 calls the projections of an expert, by the architecture; the tensor map has them too.
OLD_EXPERTS = {
    "mixtral": ("block_sparse_moe.experts", {"w1": "gate", "w2": "down", "w3": "up"}),
    "*": ("mlp.experts", {"gate_proj": "gate", "up_proj": "up", "down_proj": "down"}),
}
SIZES = {
    "num_hidden_layers": LAYERS, "n_layer": LAYERS, "first_k_dense_replace": 1, "n_routed_experts": 4, "num_experts": 4,
    "num_local_experts": 4,
}


def model_of(model_type):
    config = AutoConfig.for_model({"gemma3": "gemma3_text"}.get(model_type, model_type))
    for key, value in SIZES.items():
        if hasattr(config, key):
            setattr(config, key, value)
    if hasattr(config, "layer_types"):
        config.layer_types = config.layer_types and config.layer_types[:LAYERS]
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def adaptable(model):
    """The modules and parameters that LoRA can be for, in the order of the model."""
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Embedding, Conv1D)):
            yield name, 2
        else:
            for parameter, value in module.named_parameters(recurse=False):
                if value.dim() > 1:
                    yield f"{name}.{parameter}", value.dim()


def pattern_of(name):
    return re.sub(r"\.\d+\.", ".#.", name, count=1)


def tensor_of(names, name):
    tensor = names.get_name(name, try_suffixes=(".weight",))
    return tensor and pattern_of(tensor).removeprefix("blk.#.").removesuffix(".weight")


def entries(model_type, arch, rows):
    arch_key = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == arch)
    names = gguf.get_tensor_name_map(arch_key, LAYERS)
    ignored = IGNORED.get(arch, set())
    found = {}
    has_experts = False
    for name, dimensions in adaptable(model_of(model_type)):
        pattern = pattern_of(name)
        if dimensions == 3:
            has_experts = True
            tensor = {"gate_up_proj": "ffn_gate_exps+ffn_up_exps", "down_proj": "ffn_down_exps"}[name.split(".")[-1]]
        else:
            tensor = tensor_of(names, name) or tensor_of(names, name.replace(".mlp.gate", ".block_sparse_moe.gate"))
            if tensor is None and name.endswith("lm_head"):
                tensor = "output"
            assert tensor is not None, (model_type, name)
        if tensor in ignored:
            tensor = "!" + tensor
        order = rows.get(name.split(".")[-1])
        found[pattern] = tensor + (f":{order}" if order else "")
        if pattern.endswith(".weight"):
            # The router is a parameter of transformers 5, and was a module.
            found[pattern.removesuffix(".weight")] = found[pattern]
    if has_experts:
        path, projections = OLD_EXPERTS.get(model_type, OLD_EXPERTS["*"])
        for projection, word in projections.items():
            merged = tensor_of(names, f"model.layers.0.{path}.{projection}")
            assert merged in (None, f"ffn_{word}_exps"), (model_type, merged)
            found[f"model.layers.#.{path}.@.{projection}"] = f"ffn_{word}_exps"
        if "block_sparse_moe" in path:
            found["model.layers.#.block_sparse_moe.gate"] = "ffn_gate_inp"
    return found


def main():
    lines = []
    for model_type, arch, rows in TYPES:
        pairs = entries(model_type, arch, rows)
        if arch == "deepseek2":
            # Small models have one projection of the queries where the others have two.
            pairs["model.layers.#.self_attn.q_proj"] = "!attn_q"
        if model_type == "gemma3":
            # The text model inside of one that sees.
            pairs = {name.replace("model.", "model.language_model.", 1): tensor for name, tensor in pairs.items()}
        lines.append("\t".join([model_type, arch, *(f"{name}={tensor}" for name, tensor in pairs.items())]))
    body = "\n".join("    " + line for line in lines)
    version = importlib.metadata.version("gguf")
    OUTPUT.write_text(
        "// SPDX-License-Identifier: Apache-2.0\n"
        f"// Generated by Scripts/make_gguf_names.py from gguf {version} and transformers {transformers.__version__}.\n\n"
        "extension GGUFNames {\n"
        "  /// Model types of transformers, one a line, in fields divided by tabs: the type, the GGUF architecture,\n"
        "  /// and for each module the tensor without \"blk.N.\" and \".weight\".\n"
        f"  static let text = #\"\"\"\n{body}\n    \"\"\"#\n}}\n"
    )
    print(OUTPUT, len(body), "bytes")


if __name__ == "__main__":
    main()
