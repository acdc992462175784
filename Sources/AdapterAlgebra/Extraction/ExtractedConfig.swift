// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// The config of an adapter that is taken out of two models.
enum ExtractedConfig {
  /// A config without ranks, α and modules.
  ///
  /// - Parameters:
  ///   - baseName: what the base model is called.
  ///   - className: the class of transformers; nil if it is unknown.
  ///   - others: the tensors that are not updates, if they are saved.
  static func config(
    baseName: String, className: String?, others: OtherDifferences?
  ) -> AdapterConfig {
    var document: JSONObject = [
      "auto_mapping": nil, "base_model_name_or_path": .string(baseName), "bias": "none",
      "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
      "layers_pattern": nil, "layers_to_transform": nil, "lora_dropout": 0.0,
      "modules_to_save": nil, "peft_type": "LORA", "peft_version": .string(ExpertLayout.current),
      "revision": nil, "task_type": nil,
    ]
    if className?.hasSuffix("ForCausalLM") == true || className?.hasSuffix("LMHeadModel") == true {
      document["task_type"] = "CAUSAL_LM"
    }
    if let others, !others.modules.isEmpty {
      document["modules_to_save"] = .array(others.modules.map { .string($0) })
    }
    if others?.hasBiases == true { document["bias"] = "all" }
    return AdapterConfig(document: document)
  }

  /// The entries of `target_modules` that match some modules and no other ones: the last component of
  /// the name where all modules with it are meant, else the full name.
  static func targets(_ names: [String], in tree: ModuleTree) -> [String] {
    let chosen = Set(names)
    func leaf(_ name: String) -> String { name.components.last.map { String($0) } ?? name }
    let partial = Set(
      tree.modules.filter { !chosen.contains($0.name) }.map { leaf($0.name) })
    var entries: [String] = []
    var seen: Set<String> = []
    for name in names {
      let own = leaf(name)
      // A number would be the place in a list.
      let entry = partial.contains(own) || Int(own) != nil ? name : own
      if seen.insert(entry).inserted { entries.append(entry) }
    }
    return entries
  }
}
