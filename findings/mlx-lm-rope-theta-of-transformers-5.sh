#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# mlx-lm 0.32.2: the rotary base of a Llama that transformers 5 saved is ignored, and the model computes something else.
#
# A good guess is that mlx-lm opens a model of transformers and computes the same, or refuses its config. transformers 5
# writes `rope_parameters: {"rope_theta": …}` in place of `rope_theta`. mlx-lm's llama, mistral, gemma, gemma2, olmo2 and smollm3
# know only `rope_theta`, and take 10,000 when it is absent: a Llama 3 (500,000) that was fine-tuned or merged with transformers 5
# gives wrong logits, without a warning. qwen3 reads the new key.
#
# Seen, the largest difference of the logits to those of transformers, and the largest logit:
#     llama: rope_theta 10000: the same
#     llama: rope_theta 500000: differs by 3.2 of 6.4
#     llama: rope_theta 500000, with the key of transformers 4: the same
#     qwen3: rope_theta 500000: the same
#
# In peftkit: adapters carry no rotary base; what mlx-lm computes with a converted adapter is right where its base model is.
set -eu
. "$(dirname "$0")/common.sh"

run_python "mlx[cpu]==0.32.4" mlx-lm==0.32.2 transformers==5.23.0 torch==2.13.0 numpy==2.4.6 <<'PYTHON'
import json
import pathlib
import tempfile

import mlx.core
import numpy
import torch
import transformers
from mlx_lm.utils import load_model

TOKENS = [[3, 7, 1, 9, 22, 5, 17, 4, 30, 12, 8, 2]]
SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "head_dim": 8, "vocab_size": 40, "initializer_range": 0.5, "tie_word_embeddings": False}


def compare(kind, theta, old_key=False):
    torch.manual_seed(0)
    config = getattr(transformers, kind + "Config")(**SIZES, rope_parameters={"rope_type": "default", "rope_theta": theta})
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with tempfile.TemporaryDirectory() as directory:
        model.save_pretrained(directory)
        path = pathlib.Path(directory, "config.json")
        saved = json.loads(path.read_text())
        assert "rope_theta" not in saved and saved["rope_parameters"]["rope_theta"] == theta
        if old_key:
            path.write_text(json.dumps(saved | {"rope_theta": theta}))
        loaded, _ = load_model(pathlib.Path(directory))
        actual = numpy.array(loaded(mlx.core.array(TOKENS)))
    with torch.no_grad():
        expected = model(torch.tensor(TOKENS)).logits.numpy()
    difference, largest = abs(actual - expected).max(), abs(expected).max()
    same = difference < 1e-4
    key = ", with the key of transformers 4" if old_key else ""
    verdict = "the same" if same else f"differs by {difference:.1f} of {largest:.1f}"
    print(f"{kind.lower()}: rope_theta {theta:.0f}{key}: {verdict}")
    return same


assert compare("Llama", 10000.0)
assert not compare("Llama", 500000.0)
assert compare("Llama", 500000.0, old_key=True)
assert compare("Qwen3", 500000.0)
PYTHON
