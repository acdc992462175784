// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
public import PEFT
public import Tensors

extension LowRankAdapter {
  /// Reads a LoRA adapter of PEFT (spec/low-rank.md, U24 to U26).
  ///
  /// - Parameters:
  ///   - adapter: the adapter.
  ///   - base: the base model, which tells the layout of stacked experts where the files do not.
  /// - Throws: `unsupported` for another method, and for variants of LoRA whose change is not a product
  ///   of two factors; `missing` or `mismatch` when tensors do not fit each other or the config.
  /// - Complexity: O(tensors); no tensor data is read.
  public init(_ adapter: Adapter, base: BaseModel? = nil) throws(CheckpointError) {
    let type = try adapter.config.peftType
    guard type == .lora else {
      throw CheckpointError(
        .unsupported,
        "is a \(type.rawValue) adapter: only LoRA has the two factors of a low-rank update",
        path: adapter.directory.configPath)
    }
    try LoRAVariants.refuseUncomputed(in: adapter)
    var reader = try LoRAReader(adapter, base: base)
    try reader.read()
    self.init(
      path: adapter.directory.path, modules: reader.modules, others: try reader.others(),
      baseModelName: adapter.config.document["base_model_name_or_path"]?.string,
      config: adapter.config)
  }
}
