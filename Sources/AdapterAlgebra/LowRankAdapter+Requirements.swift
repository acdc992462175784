// SPDX-License-Identifier: Apache-2.0
internal import Bridges
internal import LowRank
internal import PEFT
internal import Tensors

extension LowRankAdapter {
  /// Refuses what is not one LoRA adapter with updates of unchanged weights.
  ///
  /// - Parameters:
  ///   - done: what is done with the adapter, for the message: `combined`.
  ///   - advice: what to do with adapters for several models.
  /// - Throws: `unsupported` and `missing`.
  func requireLoRA(toBe done: String, advice: String) throws(CheckpointError) {
    guard parts.isEmpty else {
      throw CheckpointError(
        .unsupported, "has adapters for several models; \(advice)", path: path)
    }
    if let type = try config?.peftType, type != .lora {
      throw CheckpointError(
        .unsupported, "is a \(type.rawValue) adapter: only LoRA is \(done)", path: path)
    }
    guard !modules.isEmpty else {
      throw CheckpointError(.missing, "has no low-rank updates", path: path)
    }
    try requireUnchangedWeights()
  }
}
