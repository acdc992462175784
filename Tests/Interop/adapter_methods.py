# SPDX-License-Identifier: Apache-2.0
"""What the adapters of the corpus are made of: every PEFT type with values that suit tiny models, and its variants.

A method has `values`, given in every configuration; `bases`, the base models it is tried on (the first is the one for
its variants); and `variants`, its own choices. Choices that many methods share are in `shared_variants`. Any value
may be a function of the base's name.
"""

from dataclasses import dataclass, field

# For each base: modules that a list names, a regular expression, modules to exclude, modules to train whole, the path of
# its layers, its embedding.
TARGETS = {
    "llama": (["q_proj", "down_proj"], r"model\.layers\.\d+\.(self_attn\.[kv]_proj|mlp\.up_proj)", ["layers.1.mlp.down_proj"], ["lm_head"], "layers", "embed_tokens"),
    "llama_tied": (["v_proj", "o_proj"], r".*\.(gate|up)_proj", ["layers.0.self_attn.o_proj"], ["model.norm"], "layers", "embed_tokens"),
    "qwen2": (["k_proj", "up_proj"], r".*self_attn.*proj", r".*\.2\..*", ["lm_head", "norm"], "layers", "embed_tokens"),
    "gpt2": (["c_attn", "mlp.c_proj"], r"transformer\.h\.[01]\.mlp\.c_fc", ["h.0.attn.c_attn"], ["ln_f"], "h", "wte"),
    "gpt_neox": (["query_key_value", "dense"], r".*dense_(h_to_4h|4h_to_h)", ["layers.0.attention.dense"], ["final_layer_norm"], "layers", "embed_in"),
    "opt": (["q_proj", "fc1"], r"model\.decoder\.layers\..*\.(fc2|out_proj)", ["layers.0.fc1"], ["final_layer_norm"], "layers", "embed_tokens"),
    "t5": (["q", "wo"], r"(encoder|decoder)\.block\.\d\.layer\.0\.SelfAttention\.[kv]", ["decoder.block.0.layer.0.SelfAttention.q"], ["lm_head"], "block", "shared"),
    "bert": (["query", "output.dense"], r".*attention\.self\.(key|value)", ["encoder.layer.0.output.dense"], ["pooler"], "layer", "word_embeddings"),
    "mixtral": (["q_proj", "o_proj"], r".*\.v_proj", ["layers.1.self_attn.q_proj"], ["lm_head"], "layers", "embed_tokens"),
    "qwen3_moe": (["k_proj", "o_proj"], r".*\.[qv]_proj", ["layers.1.self_attn.o_proj"], ["norm"], "layers", "embed_tokens"),
    "gpt_oss": (["q_proj", "v_proj"], r".*\.[ko]_proj", ["layers.0.self_attn.q_proj"], ["lm_head"], "layers", "embed_tokens"),
    "convolutions": (["linear"], r"li.*", ["head"], ["head"], None, "embedding"),
    "attention": (["inner", "outer"], r"(inn|out)er", ["inner"], ["outer"], None, None),
}  # fmt: skip
NORMS = {
    "llama": ["input_layernorm", "norm"], "llama_tied": ["post_attention_layernorm"], "qwen2": ["input_layernorm"],
    "gpt2": ["ln_1", "ln_f"], "gpt_neox": ["input_layernorm", "final_layer_norm"], "opt": ["self_attn_layer_norm"],
    "t5": ["layer_norm", "final_layer_norm"], "bert": ["LayerNorm"], "mixtral": ["input_layernorm"],
    "qwen3_moe": ["q_norm", "norm"], "gpt_oss": ["norm"], "convolutions": ["norm"],
}  # fmt: skip
LANGUAGE = ["llama", "llama_tied", "qwen2", "gpt2", "gpt_neox", "opt", "mixtral", "qwen3_moe", "gpt_oss"]
EVERY = ["llama", "gpt2", "t5", "bert", "qwen3_moe", "convolutions", "llama_tied", "qwen2", "gpt_neox", "opt", "mixtral", "gpt_oss", "attention"]
LINEAR = [base for base in EVERY if base != "gpt2"]  # what a method without transformers' Conv1D is tried on
CONVOLUTIONS = {"target_modules": ["conv1d", "conv2d", "point", "linear"]}


@dataclass
class Method:
    """A PEFT type as the corpus tries it."""

    values: dict = field(default_factory=dict)
    variants: dict = field(default_factory=dict)
    bases: list = field(default_factory=lambda: EVERY)
    task: str | None = None
    own_bias: str | None = None
    targets: dict | None = None


def on(base, task=None, **values):
    """A variant for a certain base and task."""
    return {"base": base, "task": task, **values}


def is_prompt(method):
    return method in PROMPTS


def shared_variants(base, method):
    """Choices that most methods know, as they fit the base: how modules are selected, what is trained with them."""
    listed, expression, excluded, saved, layers, _ = TARGETS[base]
    if method.targets:
        listed = method.targets.get(base, listed)
    variants = {
        "listed": {"target_modules": listed},
        "by default": {},
        "expression": {"target_modules": expression},
        "all-linear": {"target_modules": "all-linear"},
        "excluded": {"target_modules": listed, "exclude_modules": excluded},
        "saved": {"target_modules": listed, "modules_to_save": saved},
        "bias all": {"target_modules": listed, "bias": "all"},
        "bias own": {"target_modules": listed, "bias": method.own_bias},
    }
    if layers:
        variants["layer"] = {"target_modules": listed, "layers_to_transform": 1}
        variants["layers"] = {"target_modules": listed, "layers_to_transform": [0], "layers_pattern": layers}
    return variants


LORA_VARIANTS = {
    "rank pattern": {"rank_pattern": {"down_proj": 3, r"layers\.1\.self_attn\.q_proj": 6}},
    "alpha pattern": {"alpha_pattern": {"q_proj": 16, "layers.0.mlp.down_proj": 2}},
    "both patterns": {"rank_pattern": {"q_proj": 3}, "alpha_pattern": {"^model.layers.0.self_attn.q_proj$": 5}},
    "rslora": {"use_rslora": True, "lora_alpha": 12},
    "dora": {"use_dora": True},
    "dora gpt2": on("gpt2", use_dora=True, fan_in_fan_out=True, target_modules=["c_attn", "c_fc"]),
    "dora convolutions": on("convolutions", use_dora=True, **CONVOLUTIONS),
    "dora embedding": {"use_dora": True, "target_modules": ["embed_tokens", "q_proj"]},
    "lora bias": {"lora_bias": True},
    "lora bias gpt_neox": on("gpt_neox", lora_bias=True),
    "embedding": {"target_modules": ["embed_tokens", "v_proj"]},
    "head": {"target_modules": ["lm_head", "q_proj"]},
    "embedding and head": {"target_modules": ["embed_tokens", "lm_head"]},
    "embedding gpt2": on("gpt2", target_modules=["wte", "c_attn"]),
    "embedding module": on("convolutions", target_modules=["embedding", "head"]),
    "tied embedding": on("llama_tied", target_modules=["embed_tokens", "q_proj"]),
    "tied both": on("llama_tied", target_modules=["embed_tokens"], ensure_weight_tying=True),
    "tied saved": on("llama_tied", modules_to_save=["embed_tokens"], ensure_weight_tying=True),
    "tied tokens": on("llama_tied", trainable_token_indices=[1, 5], ensure_weight_tying=True),
    "tokens": {"trainable_token_indices": [0, 3, 7]},
    "tokens by name": {"trainable_token_indices": {"embed_tokens": [2, 4]}},
    "tokens of two": {"trainable_token_indices": {"embed_tokens": [2, 4], "lm_head": [1, 2, 3]}},
    "tokens and saved": {"trainable_token_indices": [1, 2], "modules_to_save": ["lm_head"]},
    "tokens t5": on("t5", trainable_token_indices={"shared": [1, 2]}),
    "saved two": {"modules_to_save": ["embed_tokens", "lm_head"]},
    "classifier": on("llama", "SEQ_CLS"),
    "classifier bert": on("bert", "SEQ_CLS"),
    "classifier gpt2": on("gpt2", "SEQ_CLS", target_modules=["c_attn"]),
    "tagger": on("bert", "TOKEN_CLS"),
    "answers": on("bert", "QUESTION_ANS"),
    "features": on("llama", "FEATURE_EXTRACTION"),
    "replicated": {"layer_replication": [[0, 2], [1, 2]]},
    "invoked": {"alora_invocation_tokens": [3, 4], "task_type": "CAUSAL_LM"},
    "convolutions": on("convolutions", **CONVOLUTIONS),
    "grouped": on("convolutions", target_modules=["grouped"], r=4),
    "convolution of three": on("convolutions", target_modules=["conv3d", "head"]),
    "own attention": on("attention", target_modules=["attention", "inner"]),
    "own attention, rslora": on("attention", target_modules=["attention"], use_rslora=True),
    "block diagonal": {"use_bdlora": {"target_modules_bd_a": ["q_proj"], "target_modules_bd_b": ["down_proj"], "nblocks": 2}},
    "velora": {"velora_config": {"num_groups": 4}},
    "kasa": {"kasa_config": {}},
    "monteclo": {"monteclora_config": {}},
    "pissa": {"init_lora_weights": "pissa"},
    "olora": {"init_lora_weights": "olora"},
    "orthogonal": {"init_lora_weights": "orthogonal"},
    "gaussian": {"init_lora_weights": "gaussian"},
    "mica": {"init_lora_weights": "mica"},
    "every linear and its bias": {"target_modules": "all-linear", "bias": "all"},
    "experts mixtral": on("mixtral", target_modules=[], target_parameters=["mlp.experts.gate_up_proj"]),
    "experts down": on("mixtral", target_parameters=["mlp.experts.down_proj"]),
    "experts both": on("qwen3_moe", target_parameters=["mlp.experts.down_proj", "mlp.experts.gate_up_proj"]),
    "experts ranks": on("qwen3_moe", target_modules=["q_proj"], target_parameters=["mlp.experts.down_proj", "mlp.experts.gate_up_proj"],
                        rank_pattern={"experts.down_proj": 3}, alpha_pattern={"experts.gate_up_proj": 9}),
    "experts transposed": on("gpt_oss", target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]),
    "experts transposed, one": on("gpt_oss", target_modules=[], target_parameters=["mlp.experts.down_proj"]),
    "experts by old names": on("mixtral", target_modules=["w1", "w2", "w3", "q_proj"]),
    "experts by old names, one": on("mixtral", target_modules=["w2"]),
    "experts by projection": on("qwen3_moe", target_modules=["gate_proj", "up_proj", "down_proj"]),
    "experts by projection, some": on("qwen3_moe", target_modules=["down_proj", "v_proj"], rank_pattern={"down_proj": 2}),
    "router": on("mixtral", target_parameters=["mlp.gate.weight"]),
    "parameter": {"target_modules": [], "target_parameters": ["q_proj.weight"]},
    "by weight": on("bert", target_modules=[], target_parameters=["query.weight", "key.weight"]),
}  # fmt: skip

LOW_RANK_PATTERNS = {
    "rank pattern": {"rank_pattern": {"down_proj": 3}},
    "alpha pattern": {"alpha_pattern": {"q_proj": 2}},
}
CONVOLUTION_VARIANTS = {
    "convolutions": on("convolutions", **CONVOLUTIONS),
    "effective convolutions": on("convolutions", use_effective_conv2d=True, **CONVOLUTIONS),
}
PROJECTION_VARIANTS = {
    "projection left out": {"save_projection": False},
    "other seed": {"projection_prng_key": 7},
    "gpt2": on("gpt2", fan_in_fan_out=True),
    "d": {"d_initial": 0.5},
}

PROMPTS = {
    "PROMPT_TUNING": Method(
        {"num_virtual_tokens": 5},
        {"two tokens": {"num_virtual_tokens": 2}, "sampled": {"prompt_tuning_init": "SAMPLE_VOCAB"},
         "two submodules": on("t5", num_transformer_submodules=1), "classifier": on("bert", "SEQ_CLS"),
         "classifier llama": on("llama", "SEQ_CLS"), "features": on("llama", "FEATURE_EXTRACTION")},
        ["llama", "gpt2", "t5", "bert", "opt", "qwen3_moe"],
    ),
    "MULTITASK_PROMPT_TUNING": Method(
        {"num_virtual_tokens": 5, "num_tasks": 3, "num_ranks": 2},
        {"one task": {"num_tasks": 1, "num_ranks": 1}, "classifier": on("bert", "SEQ_CLS")},
        ["llama", "t5", "gpt2"],
    ),
    "P_TUNING": Method(
        {"num_virtual_tokens": 5, "encoder_hidden_size": 12},
        {"lstm": {"encoder_reparameterization_type": "LSTM"}, "hidden by default": {"encoder_hidden_size": None},
         "lstm of three": {"encoder_reparameterization_type": "LSTM", "encoder_num_layers": 3},
         "tagger": on("bert", "TOKEN_CLS")},
        ["llama", "t5", "gpt2", "bert", "opt"],
    ),
    "PREFIX_TUNING": Method(
        {"num_virtual_tokens": 5},
        {"projection": {"prefix_projection": True, "encoder_hidden_size": 12},
         "projection by default": {"prefix_projection": True}, "answers": on("bert", "QUESTION_ANS")},
        ["llama", "t5", "gpt2", "bert", "qwen2", "gpt_neox"],
    ),
    "CPT": Method(
        {"cpt_token_ids": [3, 5, 7, 9], "cpt_mask": [1, 1, 1, 1], "cpt_tokens_type_mask": [1, 2, 3, 4]},
        {"one token": {"cpt_token_ids": [4], "cpt_mask": [1], "cpt_tokens_type_mask": [1]},
         "decay": {"opt_weighted_loss_type": "decay", "opt_loss_decay_factor": 0.9}},
        ["llama", "gpt2", "opt"],
    ),
    "CARTRIDGE": Method(
        {"num_virtual_tokens": 5},
        {"nothing frozen": {"num_frozen_tokens": 0}, "all frozen": {"num_frozen_tokens": 5},
         "two frozen": {"num_frozen_tokens": 2}},
        ["llama", "gpt2", "qwen2", "gpt_neox"],
    ),
}  # fmt: skip

METHODS = {
    "LORA": Method({"r": 4, "lora_alpha": 8}, LORA_VARIANTS, own_bias="lora_only"),
    "ADALORA": Method(
        {"init_r": 6, "target_r": 3, "total_step": 10, "tinit": 1, "tfinal": 2, "lora_dropout": 0.1},
        {"ranks found": {"rank_pattern": "found"}, "alpha": {"lora_alpha": 16}, "gpt2": on("gpt2", fan_in_fan_out=True),
         "classifier": on("bert", "SEQ_CLS")},
        own_bias="lora_only",
    ),
    "ADAMSS": Method(
        {"r": 8, "num_subspaces": 3, "subspace_rank": 2},
        {"asa": {"use_asa": True, "asa_target_subspaces": 4}, "dynamic rank": {"use_dynamic_rank": True},
         "one subspace": {"num_subspaces": 1, "subspace_rank": 1}},
        bases=LINEAR,
    ),
    "ADAPTION_PROMPT": Method(
        {"adapter_len": 4, "adapter_layers": 2},
        {"last layer": {"adapter_layers": 1}, "named": {"target_modules": "self_attn"}},
        ["llama", "gpt2"],
    ),
    "BEFT": Method(
        {}, {"query": {"target_modules": ["q_proj"]}, "without": {"init_weights": False}},
        targets={"llama": ["v_proj"], "gpt2": ["c_attn"], "t5": ["v"], "bert": ["value"]},
        bases=LINEAR,
    ),
    "BOFT": Method(
        {"boft_block_size": 4},
        {"blocks": {"boft_block_size": 0, "boft_block_num": 2}, "factor two": {"boft_block_size": 2, "boft_n_butterfly_factor": 2},
         "convolution": on("convolutions", boft_block_size=4, target_modules=["point", "linear"]),
         "convolution of nine": on("convolutions", boft_block_size=3, target_modules=["conv2d"])},
        own_bias="boft_only",
        bases=LINEAR,
    ),
    "C3A": Method(
        {"block_size": 8},
        {"pattern": {"block_size_pattern": {"q_proj": 4}}, "init": {"init_weights": "gaussian"}, "true": {"init_weights": True}},
        own_bias="c3a_only",
        bases=LINEAR,
    ),
    "DEFT": Method(
        {"r": 4},
        {"qr": {"decomposition_method": "qr"}, "alpha": {"alpha": 8}, "para": {"para": True},
         "gpt2": on("gpt2", fan_in_fan_out=True)},
        own_bias="deft_only",
    ),
    "DELORA": Method(
        {"r": 4},
        {"rank pattern": {"rank_pattern": {"down_proj": 3}}, "lambda pattern": {"lambda_pattern": {"q_proj": 3}},
         "init": {"init_weights": False}},
        own_bias="delora_only",
        bases=LINEAR,
    ),
    "FOURIERFT": Method(
        {"n_frequency": 20},
        {"pattern": {"n_frequency_pattern": {"q_proj": 7}}, "other seed": {"random_loc_seed": 3},
         "gpt2": on("gpt2", fan_in_fan_out=True)},
        own_bias="fourier_only",
    ),
    "FROD": Method(
        {"sparse_rate": 0.1, "progressbar": False},
        {"projection left out": {"save_projection": False}, "denser": {"sparse_rate": 0.5},
         "gpt2": on("gpt2", fan_in_fan_out=True), "sparse": {"sparse_rate": 0.0}},
        own_bias="frod_only",
    ),
    "GLORA": Method(
        {"r": 4},
        {f"{a}, {c}, {d}": {"config_A_B": a, "config_C": c, "config_D_E": d}
         for a in ("lora", "vector", "constant", "none") for c in ("lora", "vector", "none") for d in ("constant", "vector", "none")},
        bases=LINEAR,
    ),
    "GRALORA": Method(
        {"r": 4, "gralora_k": 2, "alpha": 8},
        {"hybrid": {"hybrid_r": 3}, "four blocks": {"gralora_k": 4}, "one block": {"gralora_k": 1},
         "gpt2": on("gpt2", fan_in_fan_out=True)},
        own_bias="gralora_only",
    ),
    "HIRA": Method(
        {"r": 4},
        {"rank pattern": {"rank_pattern": {"down_proj": 3}}, "convolutions": on("convolutions", **CONVOLUTIONS),
         "embedding": {"target_modules": ["embed_tokens", "q_proj"]}, "gpt2": on("gpt2", fan_in_fan_out=True),
         "grouped": on("convolutions", target_modules=["grouped"]), "head": {"target_modules": ["lm_head"]}},
    ),
    "HRA": Method(
        {"r": 4},
        {"odd": {"r": 3}, "orthogonal": {"apply_GS": True}, "convolutions": on("convolutions", target_modules=["conv2d", "point", "linear"])},
        own_bias="hra_only",
        bases=LINEAR,
    ),
    "IA3": Method(
        {},
        {**{base: on(base, feedforward_modules=TARGETS[base][0][:1]) for base in ("mixtral", "qwen3_moe", "gpt_oss")},
         "feedforward": {"target_modules": ["k_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
         "feedforward expression": {"target_modules": r".*(v|up)_proj", "feedforward_modules": r".*up_proj"},
         "gpt2": on("gpt2", fan_in_fan_out=True),
         "convolutions": on("convolutions", target_modules=["conv2d", "conv3d", "linear"], feedforward_modules=["conv2d"])},
        targets={"llama": ["k_proj", "v_proj", "down_proj"], "llama_tied": ["k_proj", "down_proj"], "t5": ["k", "v", "wo"],
                 "qwen2": ["v_proj", "down_proj"], "gpt2": ["c_attn", "mlp.c_proj"], "opt": ["q_proj", "fc2"],
                 "gpt_neox": ["query_key_value", "dense_4h_to_h"], "bert": ["key", "output.dense"]},
    ),
    "LILY": Method(
        {"r": 4},
        {"stride": {"stride_A": 2}, "three": {"num_B": 3}, "two kinds": {"target_modules": ["q_proj", "v_proj", "up_proj"]}},
        targets={"llama": ["q_proj", "down_proj"]},
        bases=LINEAR,
    ),
    "LN_TUNING": Method({}, {"all": {}}, [base for base in EVERY if base in NORMS], targets=NORMS),
    "LOHA": Method({"r": 4, "alpha": 8}, {**LOW_RANK_PATTERNS, **CONVOLUTION_VARIANTS}, bases=LINEAR),
    "LOKR": Method(
        {"r": 2, "alpha": 8},
        {**LOW_RANK_PATTERNS, **CONVOLUTION_VARIANTS, "factor": {"decompose_factor": 4}, "both": {"decompose_both": True},
         "both, r 1": {"decompose_both": True, "r": 1}, "full": {"r": 64}, "both, by factor": {"decompose_both": True, "decompose_factor": 2, "r": 1},
         "initialised": {"init_weights": "lycoris"}},
        bases=LINEAR,
    ),
    "MISS": Method(
        {"r": 4},
        {"bat": {"init_weights": "bat"}, "mini": {"init_weights": "mini", "mini_r": 2}, "eight": {"r": 8}},
        own_bias="miss_only",
        bases=LINEAR,
    ),
    "OFT": Method(
        {"r": 0, "oft_block_size": 8},
        {"by r": {"r": 2, "oft_block_size": 0}, "shared": {"block_share": True}, "coft": {"coft": True, "eps": 1e-4},
         "exact": {"use_cayley_neumann": False}, "four": {"oft_block_size": 4},
         "convolution": on("convolutions", r=0, oft_block_size=4, target_modules=["point", "linear"]),
         "convolution of nine": on("convolutions", r=0, oft_block_size=3, target_modules=["conv2d"])},
        own_bias="oft_only",
        bases=LINEAR,
    ),
    "OSF": Method(
        {"effective_rank": 4},
        {"rank pattern": {"rank_pattern": {"q_proj": 2}}, "half": {"effective_rank": None}, "share": {"effective_rank": 0.25},
         "all kept": {"effective_rank": 4096}},
        bases=LINEAR,
    ),
    "PEANUT": Method(
        {"r": 4},
        {"deep": {"depth": 2}, "tanh": {"act_fn": "tanh"}, "three": {"r": 3}},
        bases=LINEAR,
    ),
    "POLY": Method(
        {"r": 4, "n_skills": 3, "n_tasks": 2},
        {"splits": {"n_splits": 2}, "one task": {"n_tasks": 1, "n_skills": 1}},
        bases=LINEAR,
    ),
    "PSOFT": Method(
        {"r": 4},
        {"no magnitudes": {"psoft_mag_a": False, "psoft_mag_b": False}, "a": {"psoft_mag_b": False}, "b": {"psoft_mag_a": False},
         "not orthogonal": {"psoft_orth": False}, "pissa": {"ab_svd_init": "pissa_init"}, "neumann": {"use_cayley_neumann": True},
         "gpt2": on("gpt2", fan_in_fan_out=True)},
        bases=LINEAR,
    ),
    "PVERA": Method({"r": 4}, {**PROJECTION_VARIANTS, "sampled": {"sample_at_inference": True}}, own_bias="pvera_only"),
    "RANDLORA": Method(
        {"r": 4, "randlora_alpha": 16},
        {"projection left out": {"save_projection": False}, "sparse": {"sparse": True}, "very sparse": {"very_sparse": True},
         "three": {"r": 3}, "gpt2": on("gpt2", fan_in_fan_out=True)},
        own_bias="randlora_only",
    ),
    "ROAD": Method(
        {"group_size": 8},
        {"two": {"variant": "road_2"}, "four": {"variant": "road_4"}, "small groups": {"group_size": 4}},
        bases=LINEAR,
    ),
    "SHADOW": Method(
        {"r": 4},
        {"one layer": {"shadow_num_hidden_layers": 1}, "narrow": {"shadow_hidden_size": 8, "shadow_num_attention_heads": 2, "shadow_intermediate_size": 12},
         "own embeddings": {"share_embeddings": False}, "update": {"update_hidden_size": 6}},
        ["llama", "qwen2", "gpt2", "llama_tied", "opt"],
    ),
    "SHIRA": Method(
        {"r": 2, "random_seed": 5},
        {"gpt2": on("gpt2", fan_in_fan_out=True), "three": {"r": 3}},
        bases=LINEAR,
    ),
    "SUPERTUNING": Method(
        {"sparsity": 0.9},
        {"bottom": {"select_top": False}, "half": {"sparsity": 0.5}, "with lora": {"r": 4, "lora_alpha": 8},
         "indices left out": {"save_precomputed_indices": False}},
        bases=LINEAR,
    ),
    "TINYLORA": Method(
        {"r": 2, "u": 6},
        {"tied": {"weight_tying": 1.0}, "half tied": {"weight_tying": 0.5}, "projection left out": {"save_projection": False},
         "gpt2": on("gpt2", fan_in_fan_out=True), "embedding": {"target_modules": ["embed_tokens", "q_proj"]},
         "convolution": on("convolutions", target_modules=["conv2d", "linear"])},
        own_bias="tinylora_only",
    ),
    "TRAINABLE_TOKENS": Method(
        {"token_indices": [1, 4, 6]},
        {"named": {"target_modules": ["embed_tokens"]}, "head too": {"target_modules": ["embed_tokens", "lm_head"]},
         "one": {"token_indices": [3]}},
        ["llama", "llama_tied", "gpt2", "t5", "bert", "opt", "qwen3_moe", "convolutions"],
        targets={base: [TARGETS[base][5]] for base in TARGETS if TARGETS[base][5]},
    ),
    "UNILORA": Method(
        {"r": 2, "theta_d_length": 32},
        {"indices": {"save_indices": True}, "other seed": {"proj_seed": 3}, "gpt2": on("gpt2", fan_in_fan_out=True)},
        own_bias="unilora_only",
    ),
    "VBLORA": Method(
        {"r": 2, "num_vectors": 6, "vector_length": 4},
        {"top k only": {"save_only_topk_weights": True}, "three": {"topk": 3}, "many": {"num_vectors": 300, "save_only_topk_weights": True},
         "gpt2": on("gpt2", fan_in_fan_out=True)},
        own_bias="vblora_only",
    ),
    "VERA": Method({"r": 4}, PROJECTION_VARIANTS, own_bias="vera_only"),
    "WAVEFT": Method(
        {"n_frequency": 20},
        {"pattern": {"n_frequency_pattern": {"q_proj": 7}}, "proportional": {"proportional_parameters": True},
         "family": {"wavelet_family": "db2"}, "direct": {"use_idwt": False}, "gpt2": on("gpt2", fan_in_fan_out=True)},
        own_bias="waveft_only",
    ),
    "XLORA": Method(
        {"hidden_size": 16, "adapters": "made"},
        {"deep": {"xlora_depth": 3, "xlora_size": 12}, "by layer": {"layerwise_scalings": True}, "two layers": {"xlora_depth": 2, "xlora_size": 12},
         "trained": {"use_trainable_adapters": True}, "top k": {"enable_softmax": False, "enable_softmax_topk": True, "top_k_lora": 1}},
        ["llama", "gpt2", "qwen2"], task="CAUSAL_LM",
    ),
    **PROMPTS,
}  # fmt: skip
