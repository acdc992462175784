# SPDX-License-Identifier: Apache-2.0
"""methods/: the tensors of every PEFT method but LoRA's, by name and shape, and configs that PEFT refuses.

The adapters are those of Tests/Interop/adapter_corpus.py, which tests of the command use whole: each method on its first
base model and in each of its variants.
"""

import json
import logging
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT.parent / "Tests" / "Interop"))
FOLDERS = ["methods"]
# LoRA's family has tests of its own.
OTHERS = {"LORA", "ADALORA", "XLORA"}
COMMON = {"listed", "saved", "bias own", "bias all"}

LAYERS = {"layers_pattern": "layers"}
EXPRESSION = {"layers_to_transform": [0], "target_modules": ".*proj"}
EXPRESSION_PATTERN = {"layers_pattern": "layers", "target_modules": ".*proj"}
SIZE = {"r": 0}
# For each method, changes of a config that loads, with which it is refused; the first key is the one to blame.
REFUSED = {
    "ADAMSS": [{"init_weights": "random"}, {"num_subspaces": 0}, {"mask_interval": 0, "use_asa": True},
               {"final_warmup": 50, "use_asa": True}],
    "ADAPTION_PROMPT": [{"adapter_len": None}, {"adapter_layers": None}],
    "BOFT": [{"boft_block_size": 4, "boft_block_num": 4}, {"boft_block_size": 0, "boft_block_num": 0}, LAYERS,
             {"bias": "some"}],
    "C3A": [EXPRESSION, EXPRESSION_PATTERN, {"block_size": 0}],
    "CARTRIDGE": [{"num_frozen_tokens": -1}, {"num_frozen_tokens": 1000}],
    "CPT": [{"task_type": "SEQ_CLS"}, {"cpt_mask": [1]}, {"cpt_tokens_type_mask": [1]}],
    "DEFT": [{"decomposition_method": "svd"}, LAYERS, EXPRESSION, EXPRESSION_PATTERN, SIZE],
    "DELORA": [LAYERS, EXPRESSION, SIZE, {"rank_pattern": {"q_proj": 0}}],
    "FOURIERFT": [LAYERS, EXPRESSION, EXPRESSION_PATTERN, {"n_frequency": 0}],
    "FROD": [LAYERS, {"sparse_rate": 1.5}],
    "GLORA": [{"config_A_B": "x"}, {"config_C": "constant"}, {"config_D_E": "lora"}],
    "GRALORA": [{"gralora_k": 0}, {"r": 3, "gralora_k": 2}, {"hybrid_r": -1}, SIZE],
    "HIRA": [EXPRESSION, EXPRESSION_PATTERN, SIZE],
    "HRA": [LAYERS, EXPRESSION, EXPRESSION_PATTERN, SIZE],
    "IA3": [{"feedforward_modules": ["other"]}],
    "LILY": [LAYERS, {"stride_A": 0}, {"num_B": 1}, SIZE],
    "LOHA": [LAYERS, SIZE],
    "LOKR": [LAYERS, SIZE],
    "MISS": [EXPRESSION, EXPRESSION_PATTERN, SIZE],
    "OFT": [LAYERS, {"r": 2, "oft_block_size": 4}, {"r": 0, "oft_block_size": 0}],
    "OSF": [{"effective_rank": 0}],
    "PEANUT": [LAYERS, {"depth": -1}, SIZE],
    "POLY": [{"poly_type": "x"}, SIZE],
    "PROMPT_TUNING": [{"tokenizer_name_or_path": None, "prompt_tuning_init": "TEXT"},
                      {"tokenizer_kwargs": {"x": 1}, "prompt_tuning_init": "RANDOM"}],
    "PSOFT": [LAYERS, EXPRESSION, {"ab_svd_init": "x"}, {"psoft_svd": "x"}, SIZE,
              {"num_cayley_neumann_terms": 0, "use_cayley_neumann": True},
              {"cayley_neumann_eps": 1.5, "use_cayley_neumann": True}],
    "PVERA": [LAYERS, SIZE],
    "RANDLORA": [SIZE, {"bias": "some"}],
    "ROAD": [{"variant": "road_3"}, {"group_size": 3}, {"group_size": 0}],
    "SHADOW": [LAYERS, {"shadow_model": "other", "shadow_hidden_size": 8}, SIZE],
    "SHIRA": [SIZE],
    "SUPERTUNING": [{"sparsity": 1.0}, {"lora_dropout": 1.0}, {"lora_alpha": 8, "r": None}, SIZE],
    "TINYLORA": [LAYERS, {"weight_tying": 1.5}, SIZE, {"u": 0}],
    "UNILORA": [{"theta_d_length": 0}, {"unilora_dropout": 1.5}, {"init_theta_d_bound": 0.0}, {"bias": "x"}, SIZE],
    "VBLORA": [LAYERS, SIZE, {"topk": 0}],
    "VERA": [LAYERS, SIZE],
    "WAVEFT": [LAYERS, EXPRESSION, {"wavelet_family": "db39"}, {"n_frequency": 0}],
}  # fmt: skip


def sizes(module):
    """The kind and the sizes of a layer of a base model, as the symbols of a form name them."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    if isinstance(module, nn.Linear):
        return {"kind": "linear", "in": module.in_features, "out": module.out_features}
    if isinstance(module, Conv1D):
        return {"kind": "linear", "in": module.weight.shape[0], "out": module.weight.shape[1]}
    if isinstance(module, nn.Embedding):
        return {"kind": "embedding", "vocab": module.num_embeddings, "out": module.embedding_dim}
    if isinstance(module, nn.modules.conv._ConvNd):
        kernel = dict(zip(("k", "k'", "k''"), module.kernel_size))
        return {"kind": f"convolution{len(module.kernel_size)}", "in": module.in_channels,
                "out": module.out_channels, "groups": module.groups, **kernel}  # fmt: skip
    weight = getattr(module, "weight", None)
    if weight is not None and weight.dim() == 1:
        return {"kind": "normalization", "out": weight.shape[0]}
    return {"kind": "block"}


def description(directory, base):
    """An adapter's config, and its tensors by module."""
    import adapter_corpus

    config = json.loads((directory / "adapter_config.json").read_text())
    modules = dict(base.named_modules())
    found, once = {}, {}
    for name, shape in adapter_corpus.shapes(directory).items():
        path = name.removeprefix("base_model.model.").split(".")
        owner = next((".".join(path[:end]) for end in range(len(path), 0, -1) if ".".join(path[:end]) in modules), None)
        if owner is None or not name.startswith("base_model.model."):
            once[name] = shape
            continue
        module = found.setdefault(owner, {**sizes(modules[owner]), "tensors": {}})
        module["tensors"][".".join(path[owner.count(".") + 1:])] = shape
    return {"config": config, "modules": found, "once": once}


def refused():
    """The changes of REFUSED, each after real PEFT refused it, and took the config without it."""
    import adapter_bases
    import adapter_corpus
    import peft

    for method, changes in REFUSED.items():
        case = next(adapter_corpus.cases([method]))
        for change in [{}, *changes]:
            with adapter_corpus.quiet(), tempfile.TemporaryDirectory() as directory:
                try:
                    config = adapter_corpus.make_config(case)
                    config.save_pretrained(directory)
                    path = Path(directory) / "adapter_config.json"
                    values = {**json.loads(path.read_text()), **change}
                    path.write_text(json.dumps(values))
                    # A model has its config before it has adapters.
                    peft.get_peft_model(
                        adapter_bases.make(case.base, case.task), peft.PeftConfig.from_pretrained(directory))
                    error = None
                except Exception as raised:
                    error = f"{type(raised).__name__}: {raised}"
            if (error is None) != (change == {}):
                sys.exit(f"{method} {change}: {error or 'PEFT takes it'}")
            if change:
                values["inference_mode"] = True
                yield {"method": method, "key": next(iter(change)), "config": values}


def make(root):
    import adapter_bases
    import adapter_corpus

    logging.disable(logging.WARNING)
    adapters = []
    with tempfile.TemporaryDirectory() as work:
        for method in sorted(set(adapter_corpus.METHODS) - OTHERS):
            first = adapter_corpus.METHODS[method].bases[0]
            variants = set(adapter_corpus.METHODS[method].variants)
            for number, case in enumerate(adapter_corpus.cases([method])):
                if case.name not in variants and (case.base != first or case.name not in COMMON):
                    continue
                directory = Path(work) / case.directory
                try:
                    adapter_corpus.build(case, directory, number)
                except Exception as error:
                    print(f"PEFT does not make {case}: {adapter_corpus.first_line(error)}")
                    continue
                base = adapter_bases.make(case.base, case.task)
                adapters.append({"name": str(case), **description(directory, base)})
    (root / "methods").mkdir()
    for name, values in (("adapters", adapters), ("refused", list(refused()))):
        lines = ",\n".join(json.dumps(value, separators=(",", ":")) for value in values)
        (root / "methods" / f"{name}.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
