# SPDX-License-Identifier: Apache-2.0
"""A tiny pipeline of diffusers (bridges/pipeline), for the names of its modules, and adapters of PEFT for its UNet and its
text encoder (bridges/adapters)."""

import json

import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig, get_peft_model
from transformers import CLIPTextConfig, CLIPTextModel

FOLDERS = ["bridges"]


def models():
    torch.manual_seed(0)
    return {
        "unet": UNet2DConditionModel(
            sample_size=4, in_channels=2, out_channels=2, layers_per_block=1, block_out_channels=(4,),
            down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",), cross_attention_dim=4,
            attention_head_dim=2, norm_num_groups=2),
        "text_encoder": CLIPTextModel(CLIPTextConfig(
            hidden_size=4, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2, vocab_size=8,
            max_position_embeddings=8, projection_dim=4, bos_token_id=0, eos_token_id=1)),
    }  # fmt: skip


CONFIGS = {
    "unet": LoraConfig(r=4, lora_alpha=16, use_rslora=True, target_modules=["to_q", "to_v"], rank_pattern={"to_v": 2}),
    "text_encoder": LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"]),
}


def make(root):
    folder = root / "bridges"
    for name, model in models().items():
        model.half().save_pretrained(folder / "pipeline" / name)
        adapted = get_peft_model(model.float(), CONFIGS[name])
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter, value in adapted.named_parameters():
                if ".lora_" in parameter:
                    value.normal_(std=0.1)
        adapted.save_pretrained(folder / "adapters" / name)
        (folder / "adapters" / name / "README.md").unlink(missing_ok=True)
    index = {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.1",
        "text_encoder": ["transformers", "CLIPTextModel"], "unet": ["diffusers", "UNet2DConditionModel"],
    }  # fmt: skip
    (folder / "pipeline" / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
