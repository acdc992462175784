#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# diffusers 0.42.1: a LoRA file without metadata is loaded with α = r, and an export to kohya writes α = r.
#
# A good guess is that a LoRA of r 4 and α 16, saved and loaded by diffusers, changes the model as before. The tensors do
# not tell α. Unless the caller of save_lora_weights passes the metadata of the adapter, the loader takes α = r, and the
# scale is 1 instead of 4, without a warning. convert_state_dict_to_kohya, which writes an alpha for each module, does the
# same.
#
# Seen:
#     without metadata: scale 4.0 is loaded as 1.0
#     with metadata: scale 4.0 is loaded as 4.0
#     for kohya: alpha 4 of 16
#
# In peftkit: `convert` refuses to drop `lora_adapter_metadata` unless it is told to (spec/conversion.md).
set -eu
. "$(dirname "$0")/common.sh"

run_python diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 torch==2.13.0 <<'PYTHON'
import logging
import tempfile

logging.disable(logging.WARNING)

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_kohya
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict


def unet():
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8, attention_head_dim=4, norm_num_groups=4)


def scale(model):
    return next(iter(next(m for n, m in model.named_modules() if n.endswith("attn1.to_q")).scaling.values()))


trained = unet()
trained.add_adapter(LoraConfig(r=4, lora_alpha=16, target_modules=["to_q", "to_v"], init_lora_weights=False))
layers = get_peft_model_state_dict(trained)
config = trained.peft_config["default"].to_dict()
seen = {}
for name, options in {"without": {}, "with": {"unet_lora_adapter_metadata": config}}.items():
    directory = tempfile.mkdtemp()
    StableDiffusionPipeline.save_lora_weights(directory, unet_lora_layers=layers, **options)
    state, alphas, metadata = StableDiffusionPipeline.lora_state_dict(directory, return_lora_metadata=True)
    loaded = unet()
    StableDiffusionPipeline.load_lora_into_unet(state, network_alphas=alphas, unet=loaded, metadata=metadata)
    seen[name] = scale(loaded)
    print(f"{name} metadata: scale {scale(trained)} is loaded as {seen[name]}")
kohya = convert_state_dict_to_kohya({f"unet.{name}": value for name, value in layers.items()})
alphas = {int(value) for name, value in kohya.items() if name.endswith(".alpha")}
print(f"for kohya: alpha {', '.join(map(str, alphas))} of 16")
assert seen == {"without": 1.0, "with": 4.0} and alphas == {4}
PYTHON
