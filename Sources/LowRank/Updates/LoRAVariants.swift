// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

/// Variants of LoRA that change a module otherwise than by a product of two factors.
enum LoRAVariants {
  /// Variants whose changes are not computed (spec/low-rank.md, U22).
  private static let uncomputed = [
    ("use_qalora", "QALoRA"), ("use_bdlora", "BD-LoRA"), ("kasa_config", "KaSA"),
    ("monteclora_config", "MonteCLoRA"),
  ]

  /// - Throws: `unsupported` for an adapter of one of those variants.
  static func refuseUncomputed(in adapter: Adapter) throws(CheckpointError) {
    for (key, name) in uncomputed {
      let value = adapter.config.document[key] ?? .null
      guard !value.isNull, value.bool != false else { continue }
      throw CheckpointError(
        .unsupported, "the changes of LoRA's variant \(name) are not computed",
        path: adapter.directory.configPath)
    }
  }

  /// The name of DoRA's magnitudes; nil for a module without.
  ///
  /// - Throws: `missing` when the config has DoRA and the module does not.
  static func magnitudeLeaf(
    of module: ModuleTensors, _ config: AdapterConfig
  ) throws(CheckpointError) -> String? {
    let names = ["lora_magnitude_vector", "lora_magnitude_vector.weight"]
    if let name = names.first(where: module.has) { return name }
    guard config.document["use_dora"]?.bool ?? false else { return nil }
    _ = try module.sizes(of: names[0], rank: 1...5)
    return nil
  }
}
