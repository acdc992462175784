// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Synchronization
internal import Tensors

/// The scales of a config, shared by the modules of an adapter: lookups take from one budget.
final class SharedScales: Sendable {
  private let scales: Mutex<LoRAScales>
  private let configPath: String

  init(_ adapter: Adapter, alphaKey: String = "lora_alpha") {
    scales = Mutex(LoRAScales(adapter.config, alphaKey: alphaKey))
    configPath = adapter.directory.configPath
  }

  /// The scale of a module.
  ///
  /// - Throws: `mismatch` when the config does not tell it.
  func scale(of module: String) throws(CheckpointError) -> LoRAScale {
    guard let scale = scales.withLock({ $0.scale(of: module) }) else {
      throw CheckpointError(
        .mismatch, "the config does not tell the rank and scale of \(module.printable)",
        path: configPath)
    }
    return scale
  }
}

extension ModuleTensors {
  /// Refuses factors of another rank than the config's.
  func check(rank: Int, of leaf: String, is expected: Int) throws(CheckpointError) {
    guard rank == expected else {
      throw misfit(leaf, "has the rank \(rank), but the config gives \(name.printable) \(expected)")
    }
  }
}
