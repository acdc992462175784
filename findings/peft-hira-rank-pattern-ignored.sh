#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: HiRA has a `rank_pattern` that has no effect.
#
# HiraConfig takes `rank_pattern`, as LoraConfig does, and saves it. A good guess is that it gives the modules it names
# another rank. LoRA and LoHa do so; in HiRA every module has the rank `r`. A reader that goes by the config and
# not by the shapes is wrong.
#
# Seen, the rank of layer 0 with r 4 and rank_pattern {"layers.0.self_attn.q_proj": 2}:
#     LoRA: 2
#     LoHa: 2
#     HiRA: 4
#
# In peftkit: `validate` checks the tensors of HiRA against `r` alone (spec/adapter-methods.md).
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
from peft import HiraConfig, LoHaConfig, LoraConfig, get_peft_model, get_peft_model_state_dict
from transformers import LlamaConfig, LlamaForCausalLM

seen = {}
for name, config in {"LoRA": LoraConfig, "LoHa": LoHaConfig, "HiRA": HiraConfig}.items():
    base = LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4))
    pattern = {"layers.0.self_attn.q_proj": 2}
    model = get_peft_model(base, config(target_modules=["q_proj"], r=4, rank_pattern=pattern))
    state = get_peft_model_state_dict(model)
    first = next(value for key, value in state.items() if "layers.0." in key)
    seen[name] = min(first.shape)
    print(f"{name}: {seen[name]}")
assert seen == {"LoRA": 2, "LoHa": 2, "HiRA": 4}
PYTHON
