# SPDX-License-Identifier: Apache-2.0
"""`peftkit verify` of a small adapter against the shortest script that does the same with PEFT.

    python Benchmarks/verify.py [PAIRS]      with torch, peft and safetensors installed

Builds peftkit, runs the two in turn as fresh processes, both on files that are in the page cache and on
Python's compiled modules, and prints the medians and the median of the ratios pair by pair, which holds
on a noisy machine.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from startup import ROOT, build, seconds

ADAPTER = ROOT / "Fixtures/adapters/mpt-causal-lm"
REFERENCE = ROOT / "Fixtures/references/mpt-causal-lm/reference.safetensors"
WARM_UP = 2

# What somebody would write: PEFT's own module from the config and the weights, without a base model,
# over the cases of the reference. It imports no more of PEFT than the two classes that it uses.
SCRIPT = '''
import sys
import torch
from peft.tuners.multitask_prompt_tuning import (
    MultitaskPromptEmbedding, MultitaskPromptTuningConfig)
from safetensors.torch import load_file

adapter, reference = sys.argv[1:]
config = MultitaskPromptTuningConfig.from_pretrained(adapter)
module = MultitaskPromptEmbedding(config, torch.nn.Embedding(1, config.token_dim))
state = load_file(adapter + "/adapter_model.safetensors")
state["embedding.weight"] = state.pop("prompt_embeddings")
module.load_state_dict(state)
cases = load_file(reference)
names = [name.removesuffix(".output") for name in cases if name.endswith(".output")]
holds = True
with torch.no_grad():
    for name in names:
        output, task_ids = cases[name + ".output"], cases[name + ".task_ids"]
        indices = cases.get(name + ".indices")
        if indices is None:
            indices = torch.arange(output.shape[1]).expand(output.shape[0], -1)
        holds &= torch.equal(module(indices, task_ids), output)
sys.exit(0 if names and holds else 1)
'''


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    peftkit = build(ROOT, "peftkit")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "verify.py"
        script.write_text(SCRIPT)
        commands = [
            [peftkit, "verify", ADAPTER, "--reference", REFERENCE],
            [sys.executable, script, ADAPTER, REFERENCE],
        ]
        rows = [[seconds(command) for command in commands] for _ in range(pairs + WARM_UP)]
    rows = rows[WARM_UP:]
    ours, theirs = (statistics.median(column) * 1000 for column in zip(*rows))
    low, ratio, high = statistics.quantiles((b / a for a, b in rows), n=4)
    print(f"peftkit verify {ours:.1f} ms, PEFT {theirs:.0f} ms, ", end="")
    print(f"{ratio:.0f} times as fast ({low:.0f} to {high:.0f})")


if __name__ == "__main__":
    main()
