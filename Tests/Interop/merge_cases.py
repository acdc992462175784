# SPDX-License-Identifier: Apache-2.0
"""Adapters that are merged, by their names in the corpus or by their values, and the bases that they are merged into."""

import adapter_bases
import transformers
from adapter_corpus import Case, variant_case
from adapter_methods import METHODS

EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]

# The variants of `adapter_methods.py` that can be merged, by method.
VARIANTS = {
    "LORA": [
        "rank pattern", "alpha pattern", "both patterns", "rslora", "dora", "dora gpt2", "dora convolutions", "dora embedding",
        "lora bias gpt_neox", "embedding", "head", "embedding and head", "embedding module", "convolutions",
        "convolution of three", "tokens", "tokens by name", "tokens of two", "tokens and saved", "tokens t5", "saved two",
        "tied saved", "tied tokens", "velora", "orthogonal", "gaussian", "mica", "every linear and its bias", "classifier",
        "classifier bert", "classifier gpt2", "tagger", "answers", "features",
        "experts mixtral", "experts down", "experts both", "experts ranks", "experts transposed", "experts transposed, one",
        "experts by old names", "experts by projection", "router", "parameter", "by weight",
    ],
    "ADALORA": ["ranks found", "alpha", "gpt2"],
    "LOHA": ["rank pattern", "alpha pattern", "convolutions", "effective convolutions"],
    "LOKR": ["rank pattern", "convolutions", "effective convolutions", "factor", "both", "full"],
    "MISS": ["bat", "mini", "eight"],
    "IA3": ["feedforward", "gpt2", "convolutions", "feedforward expression"],
    "VERA": ["gpt2", "d"],
    "LN_TUNING": ["all"],
    "TRAINABLE_TOKENS": ["named", "head too"],
}  # fmt: skip
# Shared variants of a method, on some of its bases.
SHARED = {
    "LORA": ["llama", "qwen2", "gpt2", "t5", "bert", "qwen3_moe", "mixtral", "opt"],
    "IA3": ["t5", "bert"], "LOHA": ["t5"], "LOKR": ["bert"], "VERA": ["llama"], "MISS": ["t5"], "ADALORA": ["bert"],
    "TRAINABLE_TOKENS": ["llama_tied", "gpt2"],
}  # fmt: skip


def lora(name, base, **values):
    return Case("LORA", name, base, adapter_bases.default_task(base), {"r": 4, "lora_alpha": 8, **values})


# Names of cases that PEFT computes with factors in the dtype of the base, since it makes them anew when it loads them.
F32_ALONE = ["ranks found"]

# Cases that the corpus does not have.
OWN = [
    lora("saved", "llama", target_modules=["q_proj"], modules_to_save=["lm_head", "norm"]),
    lora("biases", "gpt2", target_modules=["c_attn"], bias="all"),
    lora("own biases", "bert", target_modules=["query", "value"], bias="lora_only"),
    lora("fan in", "gpt2", target_modules=["c_attn", "c_proj", "wpe"], fan_in_fan_out=True, use_rslora=True),
    lora("tied head saved", "llama_tied", target_modules=["q_proj"], modules_to_save=["lm_head"]),
    lora("tied embedding saved", "llama_tied", target_modules=["q_proj"], modules_to_save=["embed_tokens"]),
    lora("tied embedding tokens", "llama_tied", target_modules=["q_proj"], trainable_token_indices=[1, 5]),
    lora("tied wte saved", "gpt2", target_modules=["c_attn"], modules_to_save=["wte"]),
    lora("t5 head saved", "t5", target_modules=["q"], modules_to_save=["lm_head"]),
]

# Adapters that PEFT merges otherwise than it attaches them: what is merged must compute what the attached adapter does.
UNTIED = [
    variant_case("LORA", "tied embedding"), variant_case("LORA", "tied both"),
    lora("tied head", "llama_tied", target_modules=["lm_head", "q_proj"]),
    lora("tied embedding and head", "llama_tied", target_modules=["embed_tokens", "lm_head"]),
    lora("tied wte", "gpt2", target_modules=["wte", "c_attn"]),
    lora("tokens of two", "llama_tied", target_modules=["q_proj"], trainable_token_indices={"embed_tokens": [1, 5], "lm_head": [2, 3]}),
    lora("t5 head", "t5", target_modules=["lm_head", "q"]),
]  # fmt: skip

# What is refused, with a part of the message.
REFUSED = [
    (variant_case("LORA", "pissa"), "init_lora_weights"),
    (variant_case("LORA", "olora"), "init_lora_weights"),
    (variant_case("LORA", "lora bias"), "bias"),
    (variant_case("LORA", "replicated"), "layer_replication"),
    (variant_case("LORA", "grouped"), "grouped"),
    (variant_case("LORA", "own attention"), "MultiheadAttention"),
    (variant_case("LORA", "invoked"), "alora_invocation_tokens"),
    (variant_case("LORA", "block diagonal"), "BD-LoRA"),
    (variant_case("LORA", "kasa"), "KaSA"),
    (lora("t5 embedding", "t5", target_modules=["shared", "q"]), "tied"),
    (Case("PROMPT_TUNING", "listed", "llama", "CAUSAL_LM", {"num_virtual_tokens": 5}), "prompt"),
    (Case("PREFIX_TUNING", "listed", "llama", "CAUSAL_LM", {"num_virtual_tokens": 5}), "prompt"),
    (Case("ROAD", "listed", "llama", "CAUSAL_LM", {"group_size": 8, "target_modules": ["q_proj"]}), "ROAD"),
    (Case("ADAPTION_PROMPT", "listed", "llama", "CAUSAL_LM", {"adapter_len": 4, "adapter_layers": 2}), "ADAPTION_PROMPT"),
]


def cases():
    """Everything that merges as PEFT merges it."""
    for method, names in VARIANTS.items():
        for name in names:
            yield variant_case(method, name)
    for method, bases in SHARED.items():
        for base in bases:
            values = {**METHODS[method].values, **_listed(method, base)}
            yield Case(method, f"listed on {base}", base, adapter_bases.default_task(base), values)
    yield from OWN


def _listed(method, base):
    from adapter_corpus import shared

    return shared(method, base)["listed"]


def auto_class(case):
    """What loads the model of a case; None for a plain module."""
    if case.base in adapter_bases.MODULES:
        return None
    return getattr(transformers, adapter_bases.TASK_CLASSES[case.task])
