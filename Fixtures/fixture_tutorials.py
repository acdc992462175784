# SPDX-License-Identifier: Apache-2.0
"""The files that README.md, docs/ and Examples/ show: a tiny model, a LoRA adapter, and one that does nothing."""

import json
import os
from pathlib import Path

import torch
from fixture_adapters import seed, sort_sets
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

FOLDERS = ["tutorials"]
MODEL = "tiny-llama"


def make_model():
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config)


def adapted(model, **options):
    """The model with LoRA, in which no factor is zero: larger in the second layer, as after training."""
    model = get_peft_model(
        model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], **options)
    )
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            layer, projection = name.split(".layers.")[1][0], name.split(".")[-4]
            scale = (0.05 if layer == "0" else 0.1) * (1 if projection == "q_proj" else 2)
            with torch.no_grad():
                # Of falling importance, so that the effective rank is less than the rank.
                weight = torch.tensor([0.7**index for index in range(8)])
                shape = (8, 1) if "lora_A" in name else (1, 8)
                parameter.normal_(std=scale).mul_(weight.reshape(shape))
    for config in model.peft_config.values():
        sort_sets(config)
        config.base_model_name_or_path = MODEL
    return model


def make(root: Path):
    folder = root / "tutorials"
    folder.mkdir()
    previous = Path.cwd()
    os.chdir(folder)
    try:
        seed("tutorials")
        model = make_model()
        model.save_pretrained(MODEL)
        (Path(MODEL) / "generation_config.json").unlink()
        adapted(model, task_type="CAUSAL_LM").save_pretrained("lora")
        seed("tutorials")
        save_by_hand(adapted(make_model().model), Path("lora-silent"))
    finally:
        os.chdir(previous)


def save_by_hand(model, folder: Path):
    """What training scripts do in place of save_pretrained: names of the running model, of its inner part."""
    folder.mkdir()
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    torch.save({name: value.detach() for name, value in trained.items()}, folder / "adapter_model.bin")
    config = model.peft_config["default"].to_dict()
    config |= {"task_type": "CAUSAL_LM", "auto_mapping": None, "inference_mode": True}
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True, default=list))
