#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# diffusers 0.42.1: DoRA's magnitudes of a text encoder are saved and not loaded again.
#
# A good guess is that a DoRA adapter of a text encoder, saved by save_lora_weights with its config, changes the model as
# before when it is loaded. For the UNet it does. The text encoder is a model of transformers, whose load_adapter looks for
# `lora_magnitude_vector.weight`, while the file has `lora_magnitude_vector`: the trained magnitudes are dropped without a
# warning, and those of the base model stay. With the other name in the file all is as it was.
#
# Seen, the largest difference from the weights that were saved:
#     unet: 0.00
#     text encoder: 0.37 of a change by 0.37
#     text encoder, with .weight in the names: 0.00
#
# In peftkit: files for diffusers have `.weight` in the names of a text encoder's magnitudes (spec/kohya.md, KO18).
set -eu
. "$(dirname "$0")/common.sh"

run_python diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 torch==2.13.0 <<'PYTHON'
import copy
import logging
import os

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

warnings = []
logging.getLogger("diffusers").addFilter(lambda record: warnings.append(record.getMessage()))
torch.manual_seed(0)
bases = {
    "unet": UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8, attention_head_dim=4, norm_num_groups=4),
    "text_encoder": CLIPTextModel(CLIPTextConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=64,
        max_position_embeddings=16, bos_token_id=0, eos_token_id=1)),
}
targets = {"unet": ["to_q", "to_v"], "text_encoder": ["q_proj", "v_proj"]}


def merged(model):
    """The weights with the adapter in them."""
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.merge()
    return {name.replace(".base_layer", ""): value.detach() for name, value in model.named_parameters()
            if name.endswith("weight") and ".lora_" not in name}


def distance(first, second):
    return max(float((first[name] - second[name]).abs().max()) for name in second)


options, expected = {}, {}
for kind, base in bases.items():
    model = copy.deepcopy(base)
    model.add_adapter(LoraConfig(r=4, use_dora=True, target_modules=targets[kind]))
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_magnitude_vector" in name:
                value.mul_(1 + torch.rand_like(value))
    options[f"{kind}_lora_layers"] = get_peft_model_state_dict(model)
    options[f"{kind}_lora_adapter_metadata"] = model.peft_config["default"].to_dict()
    expected[kind] = merged(model)
directory = os.environ["WORK"]
StableDiffusionPipeline.save_lora_weights(directory, **options)
state, alphas, metadata = StableDiffusionPipeline.lora_state_dict(directory, return_lora_metadata=True)


def loaded(kind, state):
    model = copy.deepcopy(bases[kind])
    if kind == "unet":
        StableDiffusionPipeline.load_lora_into_unet(state, network_alphas=alphas, unet=model, metadata=metadata)
    else:
        StableDiffusionPipeline.load_lora_into_text_encoder(
            state, network_alphas=alphas, text_encoder=model, metadata=metadata)
    return merged(model)


renamed = {name.replace("magnitude_vector", "magnitude_vector.weight"): value for name, value in state.items()}
seen = {
    "unet": distance(loaded("unet", dict(state)), expected["unet"]),
    "text encoder": distance(loaded("text_encoder", dict(state)), expected["text_encoder"]),
    "text encoder, with .weight in the names": distance(loaded("text_encoder", renamed), expected["text_encoder"]),
}
change = distance(merged(copy.deepcopy(bases["text_encoder"])), expected["text_encoder"])
for name, value in seen.items():
    print(f"{name}: {value:.2f}" + (f" of a change by {change:.2f}" if value > 0.01 else ""))
assert seen["unet"] < 1e-5 and seen["text encoder"] > 0.5 * change and seen["text encoder, with .weight in the names"] < 1e-5
assert not any("magnitude" in text for text in warnings)
PYTHON
