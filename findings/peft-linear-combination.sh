#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: add_weighted_adapter with combination_type "linear" does not combine the changes of the adapters linearly.
#
# A good guess is that weights 0.7 and 0.3 give a module the change 0.7·B₁A₁ + 0.3·B₂A₂. "linear" adds the factors
# instead, each scaled by the root of its weight: (√0.7·B₁ + √0.3·B₂)(√0.7·A₁ + √0.3·A₂), with the cross terms B₁A₂ and
# B₂A₁. "cat" and "svd" give the weighted sum. Printed is the relative distance to the weighted sum.
#
# Seen:
#     linear: far from the weighted sum (0.84)
#     cat: equal to it
#     svd: equal to it
#
# In peftkit: `mpt average --of prompts` averages what the adapters compute, and says how `--of factors` differs.
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
base = LlamaForCausalLM(
    LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=4))
config = LoraConfig(target_modules=["q_proj"], r=2, init_lora_weights=False)
model = get_peft_model(base, config, adapter_name="first")
model.add_adapter("second", config)
module = model.base_model.model.model.layers[0].self_attn.q_proj
wanted = 0.7 * module.get_delta_weight("first") + 0.3 * module.get_delta_weight("second")
for kind, options in {"linear": {}, "cat": {}, "svd": {"svd_rank": 4}}.items():
    model.add_weighted_adapter(["first", "second"], [0.7, 0.3], kind, combination_type=kind, **options)
    distance = float((module.get_delta_weight(kind) - wanted).norm() / wanted.norm())
    print(f"{kind}: " + ("equal to it" if distance < 1e-5 else f"far from the weighted sum ({distance:.2f})"))
    assert (distance > 0.3) == (kind == "linear") and (distance < 1e-5) == (kind != "linear")
PYTHON
