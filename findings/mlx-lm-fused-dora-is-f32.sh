#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# mlx-lm 0.32.2: fusing a DoRA adapter into a BF16 model writes its weights in F32.
#
# A good guess is that a fused model has the dtype and the size of its base, as it has with LoRA. The magnitudes of DoRA are
# F32, and a weight times them is too: each fused weight takes twice the space, and is computed with in F32.
#
# Seen, the weights that were fused:
#     lora: bfloat16
#     dora: float32
#
# In peftkit: `convert --dtype bfloat16` writes such a model in BF16.
set -eu
. "$(dirname "$0")/common.sh"

run_python "mlx[cpu]==0.32.4" mlx-lm==0.32.2 transformers==5.23.0 numpy==2.4.6 <<'PYTHON'
import mlx.core
from mlx_lm.models import llama
from mlx_lm.tuner.utils import linear_to_lora_layers

for kind, expected in {"lora": mlx.core.bfloat16, "dora": mlx.core.float32}.items():
    model = llama.Model(
        llama.ModelArgs(
            model_type="llama", hidden_size=16, num_hidden_layers=2, intermediate_size=24, num_attention_heads=4,
            rms_norm_eps=1e-5, vocab_size=40,
        )
    )
    model.set_dtype(mlx.core.bfloat16)
    linear_to_lora_layers(model, -1, {"rank": 4, "scale": 2.0, "dropout": 0.0}, use_dora=kind == "dora")
    layer = model.layers[0].self_attn.q_proj
    assert layer.linear.weight.dtype == mlx.core.bfloat16
    fused = layer.fuse()  # what `mlx_lm.fuse` calls for every module
    print(f"{kind}: {str(fused.weight.dtype).removeprefix('mlx.core.')}")
    assert fused.weight.dtype == expected
PYTHON
