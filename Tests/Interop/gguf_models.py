# SPDX-License-Identifier: Apache-2.0
"""Tiny models of the architectures whose adapters go to llama.cpp and back.

Extents that quantization divides by 32 are multiples of 32.
"""

import json

import torch

VOCABULARY = 64
SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "bos_token_id": 1,
    "eos_token_id": 2, "pad_token_id": 0, "tie_word_embeddings": False,
}  # fmt: skip
TIED = {**SIZES, "tie_word_embeddings": True, "head_dim": 16}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32}
FALCON = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "bos_token_id": 1,
    "eos_token_id": 2, "bias": False, "parallel_attn": True, "alibi": False,
}  # fmt: skip
DEEPSEEK = {
    **SIZES, **EXPERTS, "num_key_value_heads": 4, "kv_lora_rank": 32, "q_lora_rank": 24, "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16, "v_head_dim": 16, "n_routed_experts": 4, "n_shared_experts": 1,
    "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
}  # fmt: skip

# The config class and its values.
MODELS = {
    "llama": ("LlamaConfig", SIZES),
    "mistral": ("MistralConfig", SIZES),
    "mixtral": ("MixtralConfig", {**SIZES, "num_local_experts": 4, "num_experts_per_tok": 2}),
    "qwen2": ("Qwen2Config", SIZES),
    "qwen2_moe": ("Qwen2MoeConfig", {**SIZES, **EXPERTS, "num_experts": 4, "shared_expert_intermediate_size": 64}),
    "qwen3": ("Qwen3Config", {**SIZES, "head_dim": 16}),
    # llama.cpp normalizes the weights of the experts in any case.
    "qwen3_moe": ("Qwen3MoeConfig", {**SIZES, **EXPERTS, "head_dim": 16, "num_experts": 4, "norm_topk_prob": True}),
    "gemma": ("GemmaConfig", TIED),
    "gemma2": ("Gemma2Config", {**TIED, "query_pre_attn_scalar": 16, "sliding_window": 64}),
    "gemma3": ("Gemma3TextConfig", {**TIED, "query_pre_attn_scalar": 16, "sliding_window": 64}),
    # llama.cpp wants tokens of its own from a model that is called phi-3.
    "phi": ("Phi3Config", {**SIZES, "original_max_position_embeddings": 128}),
    "gpt2": (
        "GPT2Config",
        {"vocab_size": VOCABULARY, "n_positions": 128, "n_embd": 64, "n_layer": 2, "n_head": 4, "bos_token_id": 1,
         "eos_token_id": 2},
    ),
    "gpt_neox": ("GPTNeoXConfig", {key: value for key, value in SIZES.items() if key != "num_key_value_heads"}),
    "falcon": ("FalconConfig", {**FALCON, "multi_query": True, "num_kv_heads": 1}),
    "falcon_groups": ("FalconConfig", {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}),
    "starcoder2": ("Starcoder2Config", SIZES),
    "olmo2": ("Olmo2Config", SIZES),
    "deepseek": ("DeepseekV2Config", {**DEEPSEEK, "head_dim": 8}),
    "deepseek3": ("DeepseekV3Config", {**DEEPSEEK, "routed_scaling_factor": 1.0, "scoring_func": "sigmoid"}),
    # A language model inside of one that sees.
    "gemma3_images": (
        "Gemma3Config",
        {"text_config": {**TIED, "query_pre_attn_scalar": 16, "sliding_window": 64},
         "vision_config": {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
                           "num_attention_heads": 2, "image_size": 28, "patch_size": 14},
         "mm_tokens_per_image": 4, "image_token_index": 60, "boi_token_index": 61, "eoi_token_index": 62},
    ),
}  # fmt: skip

# The models without GELU, of which llama.cpp has a table in F16. The weights of the others are small, so that what it
# loses stays below what is compared.
EXACT = ["llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "phi", "olmo2", "deepseek",
         "deepseek3"]  # fmt: skip


def make(name, seed=0, **changes):
    """A model with random weights."""
    import transformers

    config_class, values = MODELS[name]
    config = getattr(transformers, config_class)(**{**values, **changes})
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.1 if name in EXACT else 0.06)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def save(name, directory, **changes):
    """Save a model, with the tokenizer's file that the converter of Gemma 3 counts tokens in."""
    make(name, **changes).save_pretrained(directory)
    words = {f"t{index}": index for index in range(VOCABULARY)}
    (directory / "tokenizer.json").write_text(json.dumps({"model": {"vocab": words}, "added_tokens": []}))


def load(directory):
    """The model that was saved."""
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained(directory).eval()
