#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write what real PEFT computes for an adapter, for `peftkit verify`.

    python make_reference.py ADAPTER_DIR -o REF.safetensors [--dtype bfloat16]
                             [--base MODEL]                      # most methods
                             [--tasks 0,2] [--indices FILE]      # multitask prompt tuning

Most adapters are loaded into their base model: MODEL, or the one that the config names. See
peft_references.py for what is written.

For multitask prompt tuning the base model is not needed: PEFT's own MultitaskPromptEmbedding is built
from the adapter's config and loaded with the adapter's weights.

PEFT computes in float32, as PeftModel.from_pretrained makes every adapter; for multitask prompt tuning
--dtype changes that, and for the others it rounds the results. Needs torch, peft,
transformers and safetensors. The format of the file is described in the README beside this script.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import peft_references
import torch
import transformers
from peft import MultitaskPromptTuningConfig, PeftConfig, PeftModel, TaskType
from peft import __version__ as peft_version
from peft.tuners.multitask_prompt_tuning import MultitaskPromptEmbedding
from peft.utils import load_peft_weights
from safetensors.torch import load_file, save_file

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}


@dataclass
class Case:
    """One call of the embedding. Without `indices` each row is 0..<V, as PEFT calls it."""

    task_ids: list
    indices: torch.Tensor | None = None
    batch: int | None = None
    dtype: torch.dtype = torch.float32

    def rows(self, virtual_tokens):
        """The indices [B, L] that the embedding is called with."""
        if self.indices is not None:
            return self.indices
        batch = self.batch or len(self.task_ids)
        return torch.arange(virtual_tokens).unsqueeze(0).expand(batch, -1).contiguous()


def load_config(directory):
    """The adapter's config, with what PeftModel fills in, without what only a fresh one needs."""
    config = PeftConfig.from_pretrained(str(directory))
    if not isinstance(config, MultitaskPromptTuningConfig):
        raise ValueError(
            f"{directory}: peft_type is {config.peft_type}, not MULTITASK_PROMPT_TUNING"
        )
    if config.num_transformer_submodules is None:
        config.num_transformer_submodules = 2 if config.task_type == TaskType.SEQ_2_SEQ_LM else 1
    config.prompt_tuning_init = "RANDOM"
    config.inference_mode = True
    return config


def load_embedding(directory, dtype=torch.float32):
    """PEFT's module with the adapter's weights, each converted from the file's dtype to `dtype`."""
    config = load_config(directory)
    dummy_words = torch.nn.Embedding(1, config.token_dim)
    embedding = MultitaskPromptEmbedding(config, dummy_words).to(dtype)
    state = load_peft_weights(str(directory), device="cpu")
    # The same two calls that PEFT makes: the second skips prompt_embeddings, as the module names it
    # otherwise.
    embedding.embedding.load_state_dict({"weight": state["prompt_embeddings"]}, strict=True)
    embedding.load_state_dict(state, strict=False)
    return embedding.eval()


def run_case(embedding, case):
    """The embedding's output [B, L, D] for a case."""
    indices = case.rows(embedding.embedding.num_embeddings)
    with torch.no_grad():
        return embedding(indices, torch.tensor(case.task_ids, dtype=torch.int64))


def make_reference(directory, cases):
    """A reference's tensors: `caseN.task_ids`, `caseN.indices` where given, `caseN.output`."""
    embeddings = {}
    tensors = {}
    for number, case in enumerate(cases):
        if case.dtype not in embeddings:
            embeddings[case.dtype] = load_embedding(directory, case.dtype)
        name = f"case{number}"
        tensors[f"{name}.task_ids"] = torch.tensor(case.task_ids, dtype=torch.int64)
        if case.indices is not None:
            tensors[f"{name}.indices"] = case.indices
        tensors[f"{name}.output"] = run_case(embeddings[case.dtype], case)
    return tensors


def save_reference(path, tensors):
    """Write a reference file, saying what produced it.

    Only one metadata key: with several, the safetensors writer's order changes from run to run.
    """
    producer = f"peft {peft_version}, torch {torch.__version__.split('+')[0]}"
    save_file(tensors, str(path), metadata={"producer": producer})


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("adapter", type=Path, help="the directory of an adapter")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument(
        "--tasks", help="one id per row, or one for all; default: every task, a row each"
    )
    parser.add_argument(
        "--indices", type=Path, help="a safetensors file holding I64 `indices` [B, L]"
    )
    parser.add_argument("--base", help="the base model; default: the one that the config names")
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    return parser.parse_args(arguments)


def load_model(directory, base):
    """The adapter in its base model, of the class that the model's config names."""
    base = base or PeftConfig.from_pretrained(str(directory)).base_model_name_or_path
    architecture = (transformers.AutoConfig.from_pretrained(base).architectures or ["AutoModel"])[0]
    model = getattr(transformers, architecture).from_pretrained(base)
    return PeftModel.from_pretrained(model, str(directory)).eval()


def main(arguments=None):
    options = parse_arguments(arguments)
    if not isinstance(PeftConfig.from_pretrained(str(options.adapter)), MultitaskPromptTuningConfig):
        model = load_model(options.adapter, options.base)
        save_reference(options.output, peft_references.tensors(model, dtype=DTYPES[options.dtype]))
        return
    if options.tasks is None:
        tasks = list(range(load_config(options.adapter).num_tasks))
    else:
        tasks = [int(task) for task in options.tasks.split(",")]
    indices = load_file(str(options.indices))["indices"] if options.indices else None
    case = Case(tasks, indices, dtype=DTYPES[options.dtype])
    save_reference(options.output, make_reference(options.adapter, [case]))


if __name__ == "__main__":
    sys.exit(main())
