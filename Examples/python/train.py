# SPDX-License-Identifier: Apache-2.0
"""Trains LoRA on a tiny model, with a check of every checkpoint: python Examples/python/train.py OUT"""

import logging
import sys

import peftkit
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
from validate_on_save import ValidateOnSave


class Counting(torch.utils.data.Dataset):
    """Sequences that count upwards."""

    def __len__(self):
        return 16

    def __getitem__(self, index):
        numbers = torch.arange(index, index + 8)
        return {"input_ids": numbers, "labels": numbers}


def main(output):
    logging.basicConfig(level=logging.INFO)
    base = GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=32, n_positions=16))
    model = get_peft_model(base, LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True, task_type="CAUSAL_LM"))
    settings = TrainingArguments(output, max_steps=4, save_steps=2, report_to=[], use_cpu=True, disable_tqdm=True)
    Trainer(model, settings, train_dataset=Counting(), callbacks=[ValidateOnSave()]).train()
    for module in peftkit.inspect(f"{output}/checkpoint-4", modules=True).modules:
        print(f"{module.name}: rank {module.rank}, norm of the change {module.norm:.3g}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "out")
