#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: OSF on a GPT-2 adapts no module, trains nothing and saves an empty file, without an error.
#
# A good guess is that a method refuses a layer that it does not support: most methods of PEFT raise ValueError, and LoRA
# supports transformers' Conv1D, of which GPT-2 is made. OSF leaves such layers as they are. get_peft_model returns a
# model without a trainable parameter, and save_pretrained writes a file without tensors.
#
# Seen:
#     trainable parameters: 0
#     tensors in the file: 0
#
# In peftkit: `validate` reports an adapter without tensors (no-tensors).
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
import tempfile

from peft import OSFConfig, get_peft_model
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel

base = GPT2LMHeadModel(
    GPT2Config(vocab_size=64, n_embd=16, n_layer=2, n_head=4, n_positions=32, bos_token_id=0, eos_token_id=0))
model = get_peft_model(base, OSFConfig(target_modules=["c_attn"]))
directory = tempfile.mkdtemp()
model.save_pretrained(directory)
trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
tensors = load_file(f"{directory}/adapter_model.safetensors")
print(f"trainable parameters: {trainable}")
print(f"tensors in the file: {len(tensors)}")
assert trainable == 0 and not tensors
PYTHON
