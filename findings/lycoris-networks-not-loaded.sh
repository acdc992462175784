#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# lycoris-lora 4.1.3: some networks that it trains and saves cannot be loaded by it, and rs_lora has no effect.
#
# A good guess is that create_lycoris_from_weights loads what save_weights saved. It takes a DoRA scale for one of outputs,
# and refuses that of a network with wd_on_output=False, which has one of inputs; and it derives LoKr's divisor from the
# factors, and refuses those of unbalanced_factorization=True. create_lycoris does not pass rs_lora on: alpha is divided by
# the rank as without it, without a warning.
#
# Seen:
#     dora_wd: loaded, scale 0.5
#     dora_wd, wd_on_output=False: RuntimeError
#     lokr: loaded, scale 0.5
#     lokr, unbalanced_factorization: RuntimeError
#     rs_lora: loaded, scale 0.5, where alpha / √rank is 1.0
#
# In peftkit: a scale of inputs is refused by name, which PEFT does not have either; LoKr goes to LyCORIS only if LyCORIS
# comes to the same factors (spec/kohya.md, KO9, KO15); the alpha in the file counts.
set -eu
. "$(dirname "$0")/common.sh"

run_python lycoris-lora==4.1.3 torch==2.13.0 <<'PYTHON'
import logging
import os

import torch
from lycoris import LycorisNetwork, create_lycoris, create_lycoris_from_weights

logging.disable(logging.WARNING)
LycorisNetwork.apply_preset({"target_module": ["Sequential"]})
seen = {}
for name, options in {
    "dora_wd": dict(algo="lora", dora_wd=True),
    "dora_wd, wd_on_output=False": dict(algo="lora", dora_wd=True, wd_on_output=False),
    "lokr": dict(algo="lokr", factor=4),
    "lokr, unbalanced_factorization": dict(algo="lokr", factor=4, unbalanced_factorization=True),
    "rs_lora": dict(algo="lora", rs_lora=True),
}.items():
    network = create_lycoris(torch.nn.Sequential(torch.nn.Linear(64, 64)), 1.0, linear_dim=4, linear_alpha=2.0, **options)
    path = os.path.join(os.environ["WORK"], f"{name}.safetensors")
    network.apply_to()
    network.save_weights(path, None, {})
    scale = network.loras[0].scale
    try:
        create_lycoris_from_weights(1.0, path, torch.nn.Sequential(torch.nn.Linear(64, 64)))
        seen[name] = f"loaded, scale {scale}"
    except RuntimeError:
        seen[name] = "RuntimeError"
    print(f"{name}: {seen[name]}" + (", where alpha / √rank is 1.0" if name == "rs_lora" else ""))
assert list(seen.values()) == ["loaded, scale 0.5", "RuntimeError", "loaded, scale 0.5", "RuntimeError", "loaded, scale 0.5"]
PYTHON
