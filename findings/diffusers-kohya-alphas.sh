#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# diffusers 0.42.1: in a kohya file with several alphas, some attention modules get the alpha of others.
#
# A good guess is that each module of a kohya file has the scale of its own alpha / rank, as in kohya's tools and ComfyUI.
# diffusers makes a LoraConfig of the file: the commonest alpha, and an alpha_pattern for the other modules. Its keys for
# attentions keep the old spelling, `….attn1.processor.to_q_lora.down.weight`, and match no module, so those modules get the
# commonest alpha, without a warning. Modules elsewhere get their own.
#
# Seen, the scale of modules with alpha 1 at rank 4, where most have alpha 4:
#     attn1.to_q: 1.0
#     ff.net.2: 0.25
#
# In peftkit: each module has the alpha of its own tensor; converting to diffusers writes the scales into the metadata,
# which diffusers reads right (spec/kohya.md, KO11).
set -eu
. "$(dirname "$0")/common.sh"

run_python diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 torch==2.13.0 <<'PYTHON'
import logging

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_kohya
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

warnings = []
logging.getLogger("diffusers").addFilter(lambda record: warnings.append(record.getMessage()))


def unet():
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8, attention_head_dim=4, norm_num_groups=4)


trained = unet()
trained.add_adapter(LoraConfig(r=4, target_modules=["to_q", "to_k", "to_v", "ff.net.2"], init_lora_weights=False))
layers = get_peft_model_state_dict(trained)
file = convert_state_dict_to_kohya({f"unet.{name}": value for name, value in layers.items()})
own = {"attn1.to_q": "attn1_to_q.alpha", "ff.net.2": "ff_net_2.alpha"}
for name in file:
    if name.endswith(tuple(own.values())):
        file[name] = torch.tensor(1.0)
state, alphas = StableDiffusionPipeline.lora_state_dict(file)
loaded = unet()
StableDiffusionPipeline.load_lora_into_unet(state, network_alphas=alphas, unet=loaded)
seen = {}
for module in own:
    scales = {next(iter(m.scaling.values())) for name, m in loaded.named_modules() if name.endswith(module)}
    (seen[module],) = scales
    print(f"{module}: {seen[module]}")
assert seen == {"attn1.to_q": 1.0, "ff.net.2": 0.25}
assert not any("alpha" in text for text in warnings)
PYTHON
