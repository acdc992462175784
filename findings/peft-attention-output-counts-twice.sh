#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: of torch.nn.MultiheadAttention, the update of out_proj counts twice.
#
# A good guess is that LoRA changes each weight by s·B·A. For a MultiheadAttention PEFT adapts in_proj and out_proj. In the
# forward, and in a merge, the update of in_proj is added once and that of out_proj two times: as a part of the
# attention, and as a layer of its own. What was trained has 2·s·B·A there; a program that computes s·B·A from the file
# computes another model.
#
# Seen:
#     in_proj: changed by 1.0 times the update
#     out_proj: changed by 2.0 times the update
#     adapted and merged model: the same output True
#
# In peftkit: `merge` does not take such an attention for a layer like others (spec/merging.md).
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 transformers==5.23.0 torch==2.13.0 <<'PYTHON'
import torch
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


model = Model()
before = {name: value.clone() for name, value in model.state_dict().items()}
adapted = get_peft_model(model, LoraConfig(r=2, lora_alpha=4, target_modules=["attention"], init_lora_weights=False))
layer = adapted.base_model.model.attention
inner = layer.base_layer.out_proj
updates = {
    "in_proj": (layer.lora_B["default"].weight @ layer.lora_A["default"].weight).detach() * 2,
    "out_proj": (inner.lora_B["default"].weight @ inner.lora_A["default"].weight).detach() * 2,
}
x = torch.randn(1, 3, 8)
expected = adapted.eval()(x)
merged = adapted.merge_and_unload()
after = merged.state_dict()
seen = {}
for name, update in updates.items():
    key = "attention.in_proj_weight" if name == "in_proj" else "attention.out_proj.weight"
    change = after[key] - before[key]
    seen[name] = round(float((change * update).sum() / (update * update).sum()), 3)
    print(f"{name}: changed by {seen[name]} times the update")
same = torch.equal(expected, merged(x))
print(f"adapted and merged model: the same output {same}")
assert same and seen == {"in_proj": 1.0, "out_proj": 2.0}, seen
PYTHON
