// SPDX-License-Identifier: Apache-2.0

extension Runtime {
  /// Keys that matter in training only, or name things.
  private static let harmlessKeys: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "inference_mode", "lora_dropout", "peft_type",
    "peft_version", "revision", "task_type", "loftq_config", "eva_config", "corda_config",
    "lora_ga_config", "megatron_config", "megatron_core", "fan_in_fan_out",
  ]

  /// The loader of vLLM for LoRA requests.
  static let vLLM = Runtime(
    name: "vllm", title: "vLLM 0.33.0", date: "2026-11", methods: .only([.lora]),
    keys: [
      RuntimeKeyRule("r", .absent, .refuses, "needs the key"),
      RuntimeKeyRule("lora_alpha", .absent, .refuses, "needs the key"),
      RuntimeKeyRule("target_modules", .absent, .refuses, "needs the key"),
      RuntimeKeyRule("use_dora", .set, .refuses, "does not load DoRA"),
      RuntimeKeyRule("lora_bias", .set, .refuses, "does not load biases"),
      RuntimeKeyRule("bias", .otherThan(["none"]), .refuses, "does not load biases"),
      RuntimeKeyRule(
        "modules_to_save", .otherThan(["score", "classifier"]), .refuses,
        "loads no saved modules but score and classifier"),
      RuntimeKeyRule("alora_invocation_tokens", .set, .refuses, "does not load aLoRA"),
      RuntimeKeyRule("layer_replication", .set, .refuses, "does not replicate layers"),
      RuntimeKeyRule("use_bdlora", .set, .refuses, "does not load BD-LoRA"),
      RuntimeKeyRule("use_qalora", .set, .refuses, "does not load QA-LoRA"),
      RuntimeKeyRule(
        "init_lora_weights", .otherThan(["gaussian", "eva", "orthogonal", "mica", "lora_ga"]),
        .refuses, "does not load adapters whose initialization changes the base model"),
    ],
    honoredKeys: harmlessKeys.union([
      "r", "lora_alpha", "target_modules", "use_rslora", "rank_pattern", "alpha_pattern",
      "exclude_modules", "layers_to_transform", "layers_pattern",
    ]),
    tensors: [
      RuntimeTensorRule(endings: [
        ".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B",
        "embed_tokens.base_layer.weight", "lm_head.base_layer.weight",
      ]),
      RuntimeTensorRule(.refuses),
    ],
    limits:
      "the base model's class, and max_lora_rank, which is 16 by default and must not be below the largest rank"
  )

  /// The converter of llama.cpp, whose GGUF adapters are what its loader takes.
  static let llamaCpp = Runtime(
    name: "llama.cpp", title: "llama.cpp b11434 (convert_lora_to_gguf.py)", date: "2026-11",
    methods: .only([.lora]),
    keys: [
      RuntimeKeyRule("lora_alpha", .absent, .refuses, "needs the key", isConverted: true),
      RuntimeKeyRule(
        "lora_alpha", .zero, .ignores, "takes an alpha of 0 for a scale of 1", isConverted: true),
      RuntimeKeyRule(
        "use_rslora", .set, .ignores, "scales by alpha / r all the same", isConverted: true),
      RuntimeKeyRule(
        "alpha_pattern", .set, .ignores, "scales all modules by lora_alpha", isConverted: true),
      RuntimeKeyRule("use_dora", .set, .refuses, "does not convert DoRA"),
      RuntimeKeyRule("lora_bias", .set, .refuses, "does not convert biases"),
      RuntimeKeyRule("modules_to_save", .set, .refuses, "does not convert saved modules"),
      RuntimeKeyRule("trainable_token_indices", .set, .refuses, "does not convert trained tokens"),
      RuntimeKeyRule(
        "target_parameters", .set, .refuses, "does not convert experts", isConverted: true),
    ],
    honoredKeys: harmlessKeys.union([
      "r", "lora_alpha", "target_modules", "rank_pattern", "exclude_modules", "layers_to_transform",
      "layers_pattern", "alora_invocation_tokens",
    ]),
    tensors: [
      RuntimeTensorRule(endings: [
        ".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B",
      ]),
      RuntimeTensorRule(endings: [".base_layer.weight"]),
      RuntimeTensorRule(parts: ["_layernorm", ".norm"], .ignores),
      RuntimeTensorRule(.refuses),
    ],
    limits:
      "the base model's architecture; a base with tied embeddings has no place for LoRA on them",
    converter: "convert_hf_to_gguf.py", home: "gguf")

  /// The loader of mlx-lm, which has a format of its own.
  static let mlx = Runtime(
    name: "mlx-lm", title: "mlx-lm 0.32.2", date: "2026-11", methods: .only([]),
    keys: [], honoredKeys: harmlessKeys, tensors: [], limits: "the base model's class",
    converter: "mlx_lm.convert", home: "mlx")

  /// The `load_adapter` of transformers, which uses PEFT.
  static let transformers = Runtime(
    name: "transformers", title: "transformers 5.23.0 (load_adapter)", date: "2026-11",
    methods: .except(
      [
        "ADAPTION_PROMPT", "CARTRIDGE", "CPT", "MULTITASK_PROMPT_TUNING", "PREFIX_TUNING",
        "PROMPT_TUNING", "P_TUNING", "SHADOW",
      ].map(PEFTType.init(rawValue:))),
    keys: [], honoredKeys: harmlessKeys.union(["r", "lora_alpha", "target_modules", "use_rslora"]),
    tensors: [],
    limits: "the installed release of PEFT, which reads the config, and the base model's class")
}
