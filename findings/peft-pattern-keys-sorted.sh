#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: an adapter with two pattern keys for one module cannot be loaded again, or loads with other scales.
#
# PEFT gives a module the rank (or α) of the first key of `rank_pattern` (`alpha_pattern`) that matches it. A good guess
# is that an adapter which was trained and saved by PEFT computes the same after loading. But save_pretrained sorts the
# keys, so that another key may be the first one after loading:
#
# - rank_pattern: the tensors have the old rank, the module the new one; loading its own file raises RuntimeError.
# - alpha_pattern: the file loads without a warning, and the scale of the module is another one.
#
# Seen:
#     rank_pattern: RuntimeError, size mismatch
#     alpha_pattern: scale of layer 0 is 8.0 when saved, 1.0 when loaded
#
# In peftkit: `config` notes it, `convert` keeps the order, `diff` reports the modules (spec/adapter_config.md C3).
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM


def base():
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4))


def saved(**options):
    model = get_peft_model(base(), LoraConfig(target_modules=["q_proj"], r=4, lora_alpha=8, **options))
    directory = tempfile.mkdtemp()
    model.save_pretrained(directory)
    return model, directory


def scale(model):
    return model.base_model.model.model.layers[0].self_attn.q_proj.scaling["default"]


_, directory = saved(rank_pattern={"q_proj": 4, "0.self_attn.q_proj": 2})
try:
    PeftModel.from_pretrained(base(), directory)
    problem = "none"
except RuntimeError as error:
    problem = "RuntimeError, size mismatch" if "size mismatch" in str(error) else str(error)
print("rank_pattern:", problem)

model, directory = saved(alpha_pattern={"q_proj": 32, "0.self_attn.q_proj": 4})
loaded = PeftModel.from_pretrained(base(), directory)
print(f"alpha_pattern: scale of layer 0 is {scale(model)} when saved, {scale(loaded)} when loaded")

assert problem == "RuntimeError, size mismatch"
assert (scale(model), scale(loaded)) == (8.0, 1.0)
PYTHON
