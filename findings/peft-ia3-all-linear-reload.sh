#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: PEFT refuses the config that it wrote of an IA³ adapter with target_modules "all-linear".
#
# "all-linear" works when the model is adapted. It is saved as the list of the full names of the modules, while
# `feedforward_modules`, which PEFT chose by the model's type, keeps its short name ("down_proj"). Loading requires that
# the second list is a subset of the first one, name by name, and raises ValueError.
#
# Seen:
#     saved: feedforward_modules ['down_proj'], target_modules has down_proj only as model.layers.N.mlp.down_proj
#     loading: ValueError: `feedforward_modules` should be a subset of `target_modules`
#
# In peftkit: `validate` reports the same refusal.
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
import json
import tempfile

from peft import IA3Config, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM


def base():
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4))


directory = tempfile.mkdtemp()
get_peft_model(base(), IA3Config(target_modules="all-linear", task_type="CAUSAL_LM")).save_pretrained(directory)
with open(f"{directory}/adapter_config.json") as file:
    config = json.load(file)
feedforward, targets = config["feedforward_modules"], config["target_modules"]
down = sorted(name for name in targets if name.endswith("down_proj"))
assert feedforward == ["down_proj"] and down == [f"model.layers.{layer}.mlp.down_proj" for layer in range(2)]
print(f"saved: feedforward_modules {feedforward}, target_modules has down_proj only as model.layers.N.mlp.down_proj")
try:
    PeftModel.from_pretrained(base(), directory)
    problem = "none"
except ValueError as error:
    problem = f"ValueError: {error}"
print("loading:", problem)
assert problem == "ValueError: `feedforward_modules` should be a subset of `target_modules`"
PYTHON
