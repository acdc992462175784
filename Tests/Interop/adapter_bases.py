# SPDX-License-Identifier: Apache-2.0
"""Tiny base models, each of another architecture, for the adapters of `adapter_corpus.py`.

Few extents of a model are equal (hidden 16, intermediate 24, vocabulary 40), so that a transposed tensor seldom fits by
accident. Those without a head dimension of their own are the same in old releases of transformers.
"""

import torch
from torch import nn

VOCABULARY = 40
LLAMA_LIKE = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 1, "head_dim": 8, "vocab_size": VOCABULARY, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False,
}  # fmt: skip
WITHOUT_HEAD = {key: value for key, value in LLAMA_LIKE.items() if key != "head_dim"}

# What transformers calls the class of the model that a task needs.
TASK_CLASSES = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "FEATURE_EXTRACTION": "AutoModel",
}

# Configuration class and its values, and the task whose model is saved as the base.
ARCHITECTURES = {
    "llama": ("LlamaConfig", LLAMA_LIKE, "CAUSAL_LM"),
    "llama_tied": ("LlamaConfig", {**WITHOUT_HEAD, "num_key_value_heads": 2, "tie_word_embeddings": True}, "CAUSAL_LM"),
    "qwen2": ("Qwen2Config", {**WITHOUT_HEAD, "num_key_value_heads": 2, "num_hidden_layers": 3}, "CAUSAL_LM"),
    "gpt2": (
        "GPT2Config",
        {"n_embd": 16, "n_inner": 24, "n_layer": 2, "n_head": 4, "vocab_size": VOCABULARY, "n_positions": 64,
         "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
        "CAUSAL_LM",
    ),
    "gpt_neox": (
        "GPTNeoXConfig",
        {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
         "vocab_size": VOCABULARY, "max_position_embeddings": 64},
        "CAUSAL_LM",
    ),
    "opt": (
        "OPTConfig",
        {"hidden_size": 16, "ffn_dim": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": VOCABULARY,
         "max_position_embeddings": 64, "word_embed_proj_dim": 16, "pad_token_id": 0},
        "CAUSAL_LM",
    ),
    "t5": (
        "T5Config",
        {"d_model": 16, "d_ff": 24, "d_kv": 4, "num_layers": 2, "num_heads": 4, "vocab_size": VOCABULARY,
         "decoder_start_token_id": 0, "pad_token_id": 0},
        "SEQ_2_SEQ_LM",
    ),
    "bert": (
        "BertConfig",
        {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
         "vocab_size": VOCABULARY, "max_position_embeddings": 64, "pad_token_id": 0},
        "FEATURE_EXTRACTION",
    ),
    "mixtral": ("MixtralConfig", {**WITHOUT_HEAD, "num_key_value_heads": 2, "num_local_experts": 3, "num_experts_per_tok": 2}, "CAUSAL_LM"),
    "qwen3_moe": (
        "Qwen3MoeConfig",
        {**LLAMA_LIKE, "moe_intermediate_size": 8, "num_experts": 3, "num_experts_per_tok": 2},
        "CAUSAL_LM",
    ),
    "gpt_oss": (
        "GptOssConfig",
        {**LLAMA_LIKE, "num_local_experts": 3, "num_experts_per_tok": 2, "layer_types": ["full_attention"] * 2},
        "CAUSAL_LM",
    ),
}  # fmt: skip


class Convolutions(nn.Module):
    """Convolutions of each dimension, one of them grouped, an embedding, a norm and linear layers."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 16)
        self.conv1d = nn.Conv1d(16, 8, 3, padding=1)
        self.conv2d = nn.Conv2d(1, 12, 3, padding=1)
        self.point = nn.Conv2d(12, 8, 1)
        self.grouped = nn.Conv2d(8, 16, 3, padding=1, groups=4, bias=False)
        self.conv3d = nn.Conv3d(1, 8, 3, padding=1)
        self.norm = nn.LayerNorm(24)
        self.linear = nn.Linear(8, 24)
        self.head = nn.Linear(24, 4, bias=False)


class Attention(nn.Module):
    """A module of torch's own attention beside linear layers."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(12, 16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.outer = nn.Linear(16, 8)


MODULES = {"convolutions": Convolutions, "attention": Attention}
NAMES = [*ARCHITECTURES, *MODULES]


def default_task(name):
    """The task whose model `save` writes; None for a plain module."""
    return ARCHITECTURES[name][2] if name in ARCHITECTURES else None


def make(name, task=None, seed=0, **changes):
    """A base model with random weights, of the class that the task needs."""
    torch.manual_seed(seed)
    if name in MODULES:
        return MODULES[name]().eval()
    import transformers

    config_class, values, saved_task = ARCHITECTURES[name]
    if not hasattr(transformers, config_class):
        raise NotImplementedError(f"transformers {transformers.__version__} has no {config_class}")
    config = getattr(transformers, config_class)(**{**values, **changes})
    auto = getattr(transformers, TASK_CLASSES[task or saved_task])
    return auto.from_config(config).eval()


def save(name, directory):
    """Write the base as a safetensors directory, what `--base` is given; a plain module has no config.json."""
    model = make(name)
    if name in MODULES:
        from safetensors.torch import save_file

        directory.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), directory / "model.safetensors", metadata={"format": "pt"})
    else:
        model.save_pretrained(directory)
