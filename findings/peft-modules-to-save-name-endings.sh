#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: `modules_to_save` matches endings of names within a word, where `target_modules` matches whole components.
#
# Both take lists of module names. "proj" in target_modules means a module called proj, and finds none in a Llama. "norm"
# in modules_to_save means every module whose path ends with these letters: the final `norm`, and the `input_layernorm`
# and `post_attention_layernorm` of each layer. All of them are trained, and saved in full.
#
# DeLoRA names a parameter of its own `delora_w_norm`. With "norm" in modules_to_save, PEFT takes it for a module of the
# base model and cannot load the adapter that it has just saved.
#
# Seen:
#     target_modules ["proj"]: no module
#     modules_to_save ["norm"]: input_layernorm 2, norm 1, post_attention_layernorm 2
#     DeLoRA with modules_to_save ["norm"], loading its own file: KeyError, delora_w_norm
#
# In peftkit: `validate` goes by the same rule.
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
import collections
import tempfile

from peft import DeloraConfig, LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM


def base():
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4))


try:
    get_peft_model(base(), LoraConfig(target_modules=["proj"]))
    matched = "some"
except ValueError:
    matched = "no module"
print('target_modules ["proj"]:', matched)
assert matched == "no module"

model = get_peft_model(base(), LoraConfig(target_modules=["q_proj"], modules_to_save=["norm"]))
counts = collections.Counter(
    name.split(".modules_to_save")[0].rpartition(".")[2]
    for name, _ in model.named_parameters() if ".modules_to_save." in name)
print('modules_to_save ["norm"]:', ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
assert counts == {"norm": 1, "input_layernorm": 2, "post_attention_layernorm": 2}

directory = tempfile.mkdtemp()
get_peft_model(base(), DeloraConfig(target_modules=["q_proj"], modules_to_save=["norm"])).save_pretrained(directory)
try:
    PeftModel.from_pretrained(base(), directory)
    problem = "none"
except KeyError as error:
    problem = "KeyError, delora_w_norm" if "delora_w_norm" in str(error) else str(error)
print('DeLoRA with modules_to_save ["norm"], loading its own file:', problem)
assert problem == "KeyError, delora_w_norm"
PYTHON
