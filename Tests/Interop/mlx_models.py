# SPDX-License-Identifier: Apache-2.0
"""Tiny base models that transformers and mlx-lm both open, and what the two compute with an adapter."""

import contextlib
import io
import json
import types
from pathlib import Path

import numpy

VOCABULARY = 40
TOKENS = [3, 7, 1, 9, 22, 5, 17, 4, 30, 12, 8, 2]
COMMON = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "vocab_size": VOCABULARY, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.3, "tie_word_embeddings": False,
}  # fmt: skip
EQUAL_HEADS = {key: value for key, value in COMMON.items() if key != "head_dim"}
# Configuration class and its values.
MODELS = {
    "llama": ("LlamaConfig", COMMON),
    "llama_tied": ("LlamaConfig", {**COMMON, "tie_word_embeddings": True}),
    "qwen3": ("Qwen3Config", COMMON),
    "gemma": ("GemmaConfig", {**COMMON, "tie_word_embeddings": True}),
    "gpt2": (
        "GPT2Config",
        {"n_embd": 16, "n_inner": 64, "n_layer": 2, "n_head": 4, "vocab_size": VOCABULARY, "n_positions": 64,
         "initializer_range": 0.3, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    ),
    "gpt_neox": (
        "GPTNeoXConfig",
        {"hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
         "vocab_size": VOCABULARY, "max_position_embeddings": 64, "initializer_range": 0.3, "tie_word_embeddings": False,
         "hidden_act": "gelu_pytorch_tanh"},
    ),
    "mixtral": ("MixtralConfig", {**COMMON, "head_dim": 4, "num_local_experts": 3, "num_experts_per_tok": 2}),
    "qwen2_moe": (
        "Qwen2MoeConfig",
        {**EQUAL_HEADS, "moe_intermediate_size": 8, "shared_expert_intermediate_size": 12, "num_experts": 3,
         "num_experts_per_tok": 2},
    ),
    "olmoe": ("OlmoeConfig", {**EQUAL_HEADS, "num_experts": 3, "num_experts_per_tok": 2}),
    "qwen3_moe": (
        "Qwen3MoeConfig",
        {**COMMON, "moe_intermediate_size": 8, "num_experts": 3, "num_experts_per_tok": 2, "norm_topk_prob": True},
    ),
}  # fmt: skip
# Keys that transformers 5 renamed, as mlx-lm 0.32.2 reads them.
OLD_KEYS = {"num_local_experts": "num_experts"}


def make(name):
    """A model of transformers with random weights, in F32."""
    import torch
    import transformers

    torch.manual_seed(0)
    config_class, values = MODELS[name]
    config = getattr(transformers, config_class)(**values)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    if name == "gemma":  # mlx-lm has the exact GELU; transformers approximates it
        for layer in model.model.layers:
            layer.mlp.act_fn = torch.nn.GELU()
    return model


def save(name, directory):
    """Write a model's directory, with a config that mlx-lm opens too."""
    make(name).save_pretrained(directory)
    path = Path(directory) / "config.json"
    config = json.loads(path.read_text())
    config |= {new: config[old] for old, new in OLD_KEYS.items() if old in config}
    if "rope_parameters" in config:
        config["rope_theta"] = config["rope_parameters"]["rope_theta"]
    if name == "gpt_neox":
        config |= {"rotary_emb_base": 10000, "rotary_pct": config["rope_parameters"].get("partial_rotary_factor", 0.25)}
    if name == "gpt2":
        config["n_ctx"] = config["n_positions"]
        name_as_openai(Path(directory) / "model.safetensors")
    path.write_text(json.dumps(config))


def name_as_openai(path):
    """Give the tensors of a GPT-2 the names that mlx-lm reads, those of the first release of the model."""
    from safetensors.torch import load_file, save_file

    save_file({name.removeprefix("transformer."): tensor for name, tensor in load_file(path).items()}, path)


def open_in_mlx(directory, adapter=None):
    """The model of mlx-lm, with an adapter that its own loader applies."""
    from mlx_lm.tuner.utils import load_adapters
    from mlx_lm.utils import load_model

    model, _ = load_model(Path(directory))
    if adapter is not None:
        load_adapters(model, str(adapter))
    model.eval()
    return model


def mlx_logits(model):
    """The logits of the fixed tokens: [tokens, vocabulary]."""
    import mlx.core

    return numpy.array(model(mlx.core.array([TOKENS]))[0].astype(mlx.core.float32))


def torch_logits(model):
    """The logits of the fixed tokens: [tokens, vocabulary]."""
    import torch

    with torch.no_grad():
        return model(torch.tensor([TOKENS])).logits[0].float().numpy()


def difference(left, right):
    """The largest difference of two arrays."""
    return float(numpy.abs(left - right).max())


class Samples(list):
    """Samples as the trainer of mlx-lm takes them: tokens, and how many of them are the prompt."""

    def process(self, sample):
        return sample


def train_in_mlx(directory, adapter, **options):
    """Train an adapter with the trainer of mlx-lm, which writes the directory `adapter`."""
    import mlx_lm.lora

    values = {**mlx_lm.lora.CONFIG_DEFAULTS, "adapter_path": str(adapter), "model": str(directory), "batch_size": 1,
              "iters": 4, "save_every": 2, "learning_rate": 0.02, "num_layers": -1, **options}  # fmt: skip
    samples = Samples([(TOKENS, 0), (TOKENS[::-1], 0)])
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        mlx_lm.lora.train_model(types.SimpleNamespace(**values), open_in_mlx(directory), samples, Samples())
