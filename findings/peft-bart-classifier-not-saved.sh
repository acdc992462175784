#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# peft 0.21.2: with SEQ_CLS, the head of BART and T5 is neither trained nor saved.
#
# A good guess is that the task type SEQ_CLS trains and saves the new classification head, as it does for BERT. PEFT adds
# modules called "classifier" and "score" to modules_to_save. BART and T5 call theirs "classification_head": it stays
# frozen at its random values and is not in the file, so that each program that loads the adapter has another head, and
# other answers. Nothing warns of it. `modules_to_save=["classification_head"]` helps.
#
# Seen:
#     bert: the head is trained True, saved True
#     bart: the head is trained False, saved False
#     t5: the head is trained False, saved False
#
# In peftkit: `validate` has a note for an adapter of an encoder and a decoder with SEQ_CLS and no head (spec/adapter-methods.md,
# A16).
set -eu
. "$(dirname "$0")/common.sh"

run_python peft==0.21.2 transformers==5.23.0 torch==2.13.0 <<'PYTHON'
import logging

logging.disable(logging.WARNING)

from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from transformers import (
    BartConfig, BartForSequenceClassification, BertConfig, BertForSequenceClassification, T5Config,
    T5ForSequenceClassification)

models = {
    "bert": BertForSequenceClassification(BertConfig(
        vocab_size=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)),
    "bart": BartForSequenceClassification(BartConfig(
        vocab_size=32, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16)),
    "t5": T5ForSequenceClassification(T5Config(
        vocab_size=32, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)),
}  # fmt: skip
seen = {}
for name, model in models.items():
    adapted = get_peft_model(model, LoraConfig(task_type="SEQ_CLS", r=2))
    trained = any("class" in n and p.requires_grad for n, p in adapted.named_parameters() if "lora_" not in n)
    saved = any("class" in n for n in get_peft_model_state_dict(adapted))
    seen[name] = (trained, saved)
    print(f"{name}: the head is trained {trained}, saved {saved}")
assert seen == {"bert": (True, True), "bart": (False, False), "t5": (False, False)}
PYTHON
