#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2 with transformers 4.57.6 and 5.23.0: a head of GPT-NeoX that was trained with transformers 4 is dropped by
# transformers 5, without a warning.
#
# The output layer of GPT-NeoX (Pythia) is called embed_out in transformers 4 and lm_head in 5. transformers 5 converts the
# names of the base model's checkpoint. A good guess is that an adapter with modules_to_save ["embed_out"] loads too, or
# fails: PEFT raises NoMatchingPeftModuleError when no target module is found. But modules_to_save may match
# nothing. The low-rank factors load, and the trained head in the same file does not.
#
# Seen:
#     transformers 4.57.6 saves base_model.model.embed_out.weight; loaded again, the head is the trained one
#     transformers 5.23.0 loads the same adapter with 0 warnings about it; the head is the base model's
#
# In peftkit: `validate --base` reports tensors that the base model has no module for.
set -eu
. "$(dirname "$0")/common.sh"

cat >"$temporary/common.py" <<'PYTHON'
import os
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM
from transformers import __version__ as VERSION

MODEL, ADAPTER = (os.path.join(os.environ["WORK"], name) for name in ("model", "adapter"))


def loaded():
    """The head of the adapted model, and the number of warnings that name it."""
    base = GPTNeoXForCausalLM.from_pretrained(MODEL)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, ADAPTER)
    about = [each for each in caught if "embed_out" in str(each.message) or "lm_head" in str(each.message)]
    head = model.get_base_model().get_output_embeddings()
    head = head.modules_to_save["default"] if hasattr(head, "modules_to_save") else head
    return head.weight, len(about)
PYTHON

run_python peft==0.21.2 torch==2.13.0 transformers==4.57.6 <<'PYTHON'
import os, sys
sys.path.insert(0, os.environ["WORK"])
from common import *

base = GPTNeoXForCausalLM(
    GPTNeoXConfig(
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=4,
        bos_token_id=0, eos_token_id=0))
base.save_pretrained(MODEL)
config = LoraConfig(target_modules=["query_key_value"], modules_to_save=["embed_out"], init_lora_weights=False)
model = get_peft_model(base, config)
with torch.no_grad():
    model.base_model.model.embed_out.modules_to_save["default"].weight.fill_(1.0)
model.save_pretrained(ADAPTER)
names = [name for name in load_file(f"{ADAPTER}/adapter_model.safetensors") if "lora" not in name]
head, _ = loaded()
trained = bool((head == 1).all())
print(f"transformers {VERSION} saves {', '.join(names)}; loaded again, the head is "
      + ("the trained one" if trained else "another one"))
assert names == ["base_model.model.embed_out.weight"] and trained
PYTHON

run_python peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
import os, sys
sys.path.insert(0, os.environ["WORK"])
from common import *

head, count = loaded()
original = load_file(f"{MODEL}/model.safetensors")["embed_out.weight"]
kept = torch.equal(head.detach(), original)
print(f"transformers {VERSION} loads the same adapter with {count} warnings about it; the head is "
      + ("the base model's" if kept else "another one"))
assert kept and count == 0
PYTHON
