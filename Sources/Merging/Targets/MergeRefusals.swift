// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

/// What cannot be merged, said before anything is written (spec/merging.md, MG40 to MG46).
enum MergeRefusals {
  /// Methods whose effect depends on the input, so that no weight has it.
  private static let inputDependent: Set<String> = [
    "ADAPTION_PROMPT", "LILY", "PEANUT", "POLY", "SHADOW", "XLORA",
  ]

  /// The methods that are merged beside those of `AdapterUpdates`.
  private static let replacing: Set<String> = ["TRAINABLE_TOKENS", "LN_TUNING"]

  /// Refuses adapters that PEFT does not merge either, or would merge into something else.
  ///
  /// - Throws: `unsupported`, naming what is in the way; `missing` or `mismatch` for an adapter of
  ///   which PEFT would ignore a part.
  /// - Complexity: O(modules + tensors); no tensor data is read.
  static func check(_ source: MergeSource) throws(CheckpointError) {
    let (adapter, config) = (source.adapter, source.adapter.config)
    let method = try config.method
    if method.isPromptLearning {
      throw CheckpointError(
        .unsupported,
        "is a \(method.type.rawValue) adapter: it learns a prompt and changes no weight of the base model",
        path: adapter.directory.path)
    }
    if inputDependent.contains(method.type.rawValue) {
      throw self.method(method.type.rawValue, path: adapter.directory.path)
    }
    try checkVariant(config, path: adapter.directory.configPath)
    try checkFindings(source)
  }

  /// An error about a method that is not merged.
  static func method(_ type: String, path: String) -> CheckpointError {
    CheckpointError(
      .unsupported,
      inputDependent.contains(type)
        ? "is a \(type) adapter: what it adds depends on the input, so that no weight can have it"
        : "is a \(type) adapter, which is not merged: the changes of this method are not computed",
      path: path)
  }

  private static func checkVariant(
    _ config: AdapterConfig, path: String
  ) throws(CheckpointError) {
    guard try config.peftType == .lora else { return }
    let document = config.document
    func isSet(_ key: String) -> Bool {
      document[key].map { !$0.isNull && $0.bool != false && $0.array?.isEmpty != true } ?? false
    }
    func refusal(_ message: String, hint: String? = nil) -> CheckpointError {
      CheckpointError(.unsupported, message, path: path, hint: hint)
    }
    if isSet("layer_replication") {
      throw refusal("\"layer_replication\" repeats layers of the base model: PEFT cannot merge it")
    }
    if isSet("alora_invocation_tokens") {
      throw refusal("\"alora_invocation_tokens\": aLoRA acts behind certain tokens only")
    }
    if isSet("arrow_config") {
      throw refusal("\"arrow_config\": Arrow chooses among adapters by the input")
    }
    if let name = document["init_lora_weights"]?.string,
      ["pissa", "corda", "olora", "loftq", "lora_ga"].contains(where: name.lowercased().hasPrefix)
    {
      throw refusal(
        "\"init_lora_weights\" is \(name.excerpt): PEFT changes the base model by it when it loads the "
          + "adapter, so that the files of the base model are not the weights that it belongs to",
        hint: "make a plain LoRA adapter of it first, with its initial factors, as PEFT does with "
          + "path_initial_model_for_weight_conversion")
    }
  }

  /// Refuses an adapter that PEFT would refuse, or of which it would ignore tensors or leave some at fresh
  /// values: a merge would leave them out.
  private static func checkFindings(_ source: MergeSource) throws(CheckpointError) {
    var options = FindingOptions()
    options.base = .model(source.base)
    let (findings, binding) = try source.adapter.examination(options, readsValues: false)
    let path = source.adapter.directory.path
    let errors = findings.filter { $0.severity == .error }
    if let first = errors.first {
      let hint =
        first.code == "parameter-layout"
        ? "rewrite the experts in the layout of this release first" : nil
      throw CheckpointError(
        .mismatch,
        "does not fit the base model as a whole: \(first.message)"
          + (errors.count > 1 ? " (and \(errors.count - 1) more)" : ""),
        path: path, hint: hint, remedy: .validate(path))
    }
    guard let binding, binding.knowsModules else {
      throw CheckpointError(
        .mismatch,
        "the modules of the base model are unknown, and so are the weights that the adapter changes",
        path: path,
        hint: source.base.config.isEmpty ? "give the model's directory, with its config.json" : nil)
    }
  }
}
