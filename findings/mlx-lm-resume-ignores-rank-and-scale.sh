#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# mlx-lm 0.32.2: training that resumes from an adapter ignores its rank and its scale.
#
# A good guess is that `resume_adapter_file` goes on from the model as it was, or refuses an adapter that the options do not fit.
# The scale is in the adapter's config, which is not read: without the option, an adapter of scale 4 goes on with the default 20, five
# times its effect. An adapter of rank 8 with the option rank 4 is trained on at rank 8 and saved beside a config that says 4,
# and mlx-lm refuses to load its own result.
#
# Seen, without a step of training (learning rate 0):
#     scale 4 resumed with 20: the logits differ by 0.6
#     rank 8 resumed with 4: saved (16, 8) with rank 4, and loading it is refused
#
# In peftkit: an MLX adapter whose tensors have another rank than its config is refused, with both numbers.
set -eu
. "$(dirname "$0")/common.sh"

run_python "mlx[cpu]==0.32.4" mlx-lm==0.32.2 transformers==5.23.0 numpy==2.4.6 <<'PYTHON'
import contextlib
import io
import os
import types

import mlx.core
import mlx_lm.lora
import numpy
from mlx_lm.models import llama
from mlx_lm.tuner.utils import load_adapters

TOKENS = [3, 7, 1, 9, 22, 5, 17, 4]
WORK = os.environ["WORK"]


class Samples(list):
    def process(self, sample):
        return sample


def model():
    mlx.core.random.seed(0)
    return llama.Model(
        llama.ModelArgs(
            model_type="llama", hidden_size=16, num_hidden_layers=2, intermediate_size=24, num_attention_heads=4,
            rms_norm_eps=1e-5, vocab_size=40,
        )
    )


def train(name, rank, scale, rate, resumed=None):
    """Train an adapter as `mlx_lm.lora` does; returns its directory."""
    directory = f"{WORK}/{name}"
    options = {
        "adapter_path": directory, "batch_size": 1, "iters": 5, "learning_rate": rate, "num_layers": -1,
        "resume_adapter_file": resumed and f"{resumed}/adapters.safetensors",
        "lora_parameters": {"rank": rank, "scale": scale, "dropout": 0.0},
    }
    values = types.SimpleNamespace(**(mlx_lm.lora.CONFIG_DEFAULTS | options))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        mlx_lm.lora.train_model(values, model(), Samples([(TOKENS, 0)]), Samples())
    return directory


def logits(directory):
    adapted = load_adapters(model(), directory)
    adapted.eval()
    return numpy.array(adapted(mlx.core.array([TOKENS])))


first = train("first", rank=8, scale=4.0, rate=0.05)
scaled = train("scaled", rank=8, scale=20.0, rate=0.0, resumed=first)
difference = abs(logits(scaled) - logits(first)).max()
print(f"scale 4 resumed with 20: the logits differ by {difference:.1f}")
assert difference > 0.1

ranked = train("ranked", rank=4, scale=4.0, rate=0.0, resumed=first)
shape = next(t.shape for name, t in mlx.core.load(f"{ranked}/adapters.safetensors").items() if name.endswith("q_proj.lora_a"))
try:
    logits(ranked)
    refused = False
except ValueError as error:
    refused = "does not match" in str(error)
print(f"rank 8 resumed with 4: saved {shape} with rank 4, and loading it is {'refused' if refused else 'accepted'}")
assert shape == (16, 8) and refused
PYTHON
