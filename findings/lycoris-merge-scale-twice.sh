#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# lycoris-lora 4.1.3: merging a LoHa or LoKr network applies its scale twice.
#
# A good guess is that merging gives a module the same output as the network gave it before. For LoRA it does. For LoHa and
# LoKr the change that merge_to adds to the weight has the factor alpha / dim twice: with dim 4 and alpha 2, the merged
# model has half of the change. (A LoKr whose two factors are both full has the scale 1, and is not affected.)
#
# Seen, the change after merging divided by the change before:
#     lora: 1.00
#     loha: 0.50
#     lokr: 0.50
#
# In peftkit: a LoHa or LoKr module has one scale, α / r, as in PEFT and in LyCORIS's own forward.
set -eu
. "$(dirname "$0")/common.sh"

run_python lycoris-lora==4.1.3 torch==2.13.0 <<'PYTHON'
import logging

import torch
from lycoris import LycorisNetwork, create_lycoris

logging.disable(logging.INFO)
LycorisNetwork.apply_preset({"target_module": ["Sequential"]})
for algorithm, expected in {"lora": 1, "loha": 0.5, "lokr": 0.5}.items():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64, bias=False))
    weight = model[0].weight.detach().clone()
    network = create_lycoris(model, 1.0, linear_dim=4, linear_alpha=2.0, algo=algorithm, factor=4)
    network.apply_to()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 0:
                parameter.normal_(std=0.3)
        before = model(torch.eye(64)).T - weight
        network.restore()
        network.merge_to(1.0)
        ratio = float((model[0].weight - weight).norm() / before.norm())
    print(f"{algorithm}: {ratio:.2f}")
    assert abs(ratio - expected) < 1e-3
PYTHON
