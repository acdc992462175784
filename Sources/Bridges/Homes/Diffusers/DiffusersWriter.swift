// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// Lays out the tensors of adapters under the names of diffusers, with the configs (spec/kohya.md,
/// KO18).
struct DiffusersWriter {
  private let dtype: DType?
  private(set) var tensors: [ComposedTensor] = []
  private(set) var metadata = DiffusersMetadata()
  private(set) var isExact = true

  /// Starts a file.
  ///
  /// - Parameter dtype: the dtype of the tensors; nil for that of the source.
  init(dtype: DType?) {
    self.dtype = dtype
  }

  /// Adds the adapter of a model.
  ///
  /// - Throws: `unsupported` for what such files cannot hold.
  mutating func add(
    _ adapter: LowRankAdapter, of component: PipelineComponent
  ) throws(CheckpointError) {
    try HeldModules.check(adapter, of: "diffusers", holdsBias: true)
    let writer = try PEFTConfigWriter(adapter)
    metadata.add(writer.config(), of: component)
    isExact = isExact && writer.isExact
    let isTextEncoder = component.isTextEncoder
    let hasAttention = adapter.modules.contains { DiffusersName.isAttention($0.name) }
    for module in adapter.modules {
      let start = component.name + "." + module.name + "."
      func name(_ role: DiffusersName.Role) -> String {
        start
          + DiffusersName.written(role, isTextEncoder: isTextEncoder, hasAttention: hasAttention)
      }
      add(name(.a), module.a)
      add(name(.b), module.b)
      if let bias = module.bias { add(name(.bias), bias) }
      if let magnitude = module.magnitude {
        let isFlat = module.kind == .linear
        let ones = Array(repeating: 1, count: module.a.sizes.count - 2)
        add(name(.magnitude), magnitude, shape: isFlat ? nil : [1] + magnitude.sizes + ones)
      }
    }
  }

  private mutating func add(_ name: String, _ view: FactorView, shape: [Int]? = nil) {
    let written = dtype ?? view.dtype
    isExact = isExact && written == view.dtype
    tensors.append(ComposedTensor(name, view, dtype: written, shape: shape))
  }
}
