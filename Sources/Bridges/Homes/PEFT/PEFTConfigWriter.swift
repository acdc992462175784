// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// Makes the config with which PEFT loads an adapter (spec/bridges.md, BR7 to BR9).
struct PEFTConfigWriter {
  private let adapter: LowRankAdapter
  private let scales: PEFTScales

  /// Checks that one config describes the adapter.
  ///
  /// - Throws: `unsupported` for magnitudes or biases that some modules have and others do not.
  init(_ adapter: LowRankAdapter) throws(CheckpointError) {
    self.adapter = adapter
    scales = PEFTScales(adapter.modules.map { ($0.name, $0.scale) })
    try Self.refuseMixed(adapter, "DoRA's magnitudes") { $0.magnitude != nil }
    try Self.refuseMixed(adapter, "a bias in B") { $0.bias != nil }
  }

  private static func refuseMixed(
    _ adapter: LowRankAdapter, _ what: String, _ has: (LowRankModule) -> Bool
  ) throws(CheckpointError) {
    guard let with = adapter.modules.first(where: has),
      let without = adapter.modules.first(where: { !has($0) })
    else { return }
    throw CheckpointError(
      .unsupported,
      "\(with.name.printable) has \(what) and \(without.name.printable) does not, which PEFT has no "
        + "config for", path: adapter.path)
  }

  /// Whether the scales of all modules are exact.
  var isExact: Bool { scales.isExact }

  /// The config.
  func config() -> AdapterConfig {
    var document = adapter.config?.document ?? JSONObject()
    if document["target_modules"]?.isTruthy != true,
      document["target_parameters"]?.isTruthy != true
    {
      for member in Self.defaults where document[member.key] == nil {
        document[member.key] = member.value
      }
      scales.write(to: &document)
      writeTargets(to: &document)
    }
    if let name = adapter.baseModelName { document["base_model_name_or_path"] = .string(name) }
    return AdapterConfig(document: document)
  }

  /// Names the modules and parameters, each in full: the modules of the base model that end in the
  /// same name are not known.
  private func writeTargets(to document: inout JSONObject) {
    var modules: [JSONValue] = []
    var parameters: [JSONValue] = []
    for module in adapter.modules {
      if case .experts = module.kind {
        parameters.append(.string(module.name))
      } else {
        modules.append(.string(module.name))
      }
    }
    document["target_modules"] = .array(modules)
    document["target_parameters"] = parameters.isEmpty ? .null : .array(parameters)
    document["use_dora"] = .bool(adapter.modules.contains { $0.magnitude != nil })
    document["lora_bias"] = .bool(adapter.modules.contains { $0.bias != nil })
  }

  /// A config for sources without one.
  private static let defaults: JSONObject = [
    "auto_mapping": nil, "base_model_name_or_path": nil, "bias": "none",
    "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
    "layers_pattern": nil, "layers_to_transform": nil, "lora_dropout": 0.0,
    "modules_to_save": nil, "peft_type": "LORA", "peft_version": .string(ExpertLayout.current),
    "revision": nil, "task_type": nil,
  ]
}
