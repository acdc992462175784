#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: X-LoRA saves its classifier without the first layer; at the default depth it saves nothing.
#
# All that X-LoRA trains is a classifier that mixes other adapters. A good guess is that save_pretrained saves it. But
# PEFT calls the mixed adapters "0", "1", …, and leaves out of the file all tensors whose names contain the name of
# another adapter between two dots: `layers.0.weight` of the classifier is one. from_pretrained then gives the layer
# random weights, without a warning.
#
# Seen:
#     depth 1: trained layers.0.weight layers.0.bias; saved nothing
#     depth 2: trained layers.0.weight layers.0.bias layers.3.weight layers.3.bias; saved layers.3.bias layers.3.weight
#     after loading depth 2: layers.0.weight differs, layers.3.weight is equal, 0 warnings about keys
#
# In peftkit: `validate` reports the missing tensors of the classifier.
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
import tempfile
import warnings

import torch
from peft import LoraConfig, PeftModel, XLoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

PREFIX = "base_model.internal_xlora_classifier."


def base():
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4))
    model.config.use_cache = False
    return model


def lora():
    directory = tempfile.mkdtemp()
    get_peft_model(base(), LoraConfig(target_modules=["q_proj"])).save_pretrained(directory)
    return directory


def classifier(state):
    return {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}


mixed = {"maths": lora(), "chat": lora()}
for depth in (1, 2):
    config = XLoraConfig(task_type="CAUSAL_LM", hidden_size=16, xlora_depth=depth, adapters=mixed)
    model = get_peft_model(base(), config)
    directory = tempfile.mkdtemp()
    model.save_pretrained(directory)
    trained = classifier(model.state_dict())
    saved = sorted(classifier(load_file(f"{directory}/adapter_model.safetensors")))
    print(f"depth {depth}: trained {' '.join(trained)}; saved {' '.join(saved) or 'nothing'}")
    assert saved == sorted(name for name in trained if not name.startswith("layers.0."))

frozen = base()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    torch.manual_seed(1)
    loaded = classifier(PeftModel.from_pretrained(frozen, directory).state_dict())
about_keys = [warning for warning in caught if "key" in str(warning.message)]
equal = {name: torch.equal(trained[name], loaded[name]) for name in trained}
print(
    f"after loading depth 2: layers.0.weight {'is equal' if equal['layers.0.weight'] else 'differs'}, "
    f"layers.3.weight {'is equal' if equal['layers.3.weight'] else 'differs'}, {len(about_keys)} warnings about keys")
assert not equal["layers.0.weight"] and equal["layers.3.weight"] and not about_keys
PYTHON
