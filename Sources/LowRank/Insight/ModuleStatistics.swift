// SPDX-License-Identifier: Apache-2.0
internal import Kernels
public import PEFT
public import Tensors

/// Figures of the change of one module (spec/low-rank.md, U18 to U20).
public struct ModuleStatistics: Sendable, Hashable {
  /// The name of the module, or of its parameter where the config names one.
  public let name: String
  /// The rank, α and scale; nil for methods without them.
  public let scale: LoRAScale?
  /// The figures; nil where the change depends on the shape of the weight.
  public let statistics: ChangeStatistics?
}

extension AdapterUpdates {
  /// Reads the factors of a module in F32 and computes its figures.
  ///
  /// - Throws: `mismatch` when its tensors do not fit each other or the config, and what reading them
  ///   throws.
  /// - Complexity: as that of `ChangeStatistics.init(of:)`.
  public func statistics(of module: ModuleTensors) throws(CheckpointError) -> ModuleStatistics {
    let change = try change(of: module, in: .float32)
    let names = names(of: module)
    return ModuleStatistics(
      name: names.count == 1 ? names[0] : module.name, scale: try scale(of: module),
      statistics: change.map { ChangeStatistics(of: $0) })
  }
}
