#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# PEFT 0.21.2: with SEQ_CLS, an adapter that saves a part of the head cannot be loaded again.
#
# A good guess is that `modules_to_save=["classifier.out_proj"]` trains and saves that layer. With `task_type` SEQ_CLS PEFT
# adds "classifier" and "score" to the list, so that the head is wrapped inside the wrapped head. The file is saved
# without a word and has all tensors of the head; loading it raises KeyError.
#
# Seen:
#     ['classifier']: 4 tensors of the head, loads
#     ['classifier.out_proj']: 4 tensors of the head, KeyError
#
# The same happens with any list that names a module inside of another one that is saved.
#
# In peftkit: `validate` reports it as `nested-module`.
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 transformers==5.23.0 torch==2.13.0 numpy==2.4.6 <<'PYTHON'
import os
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import RobertaConfig, RobertaForSequenceClassification


def base():
    torch.manual_seed(0)
    return RobertaForSequenceClassification(RobertaConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=20))


seen = []
for saved in (["classifier"], ["classifier.out_proj"]):
    folder = tempfile.mkdtemp(dir=os.environ["WORK"])
    config = LoraConfig(task_type="SEQ_CLS", target_modules=["query"], modules_to_save=list(saved))
    get_peft_model(base(), config).save_pretrained(folder)
    count = sum("classifier" in name for name in load_file(folder + "/adapter_model.safetensors"))
    try:
        PeftModel.from_pretrained(base(), folder)
        seen.append("loads")
    except KeyError:
        seen.append("KeyError")
    print(f"{saved}: {count} tensors of the head, {seen[-1]}")
assert seen == ["loads", "KeyError"]
PYTHON
