// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// What files of LoRA pairs alone can hold, and what is refused by name (spec/kohya.md, KO5).
enum HeldModules {
  /// Refuses what a home has no tensors for.
  ///
  /// - Parameter holdsBias: whether B may have a bias.
  /// - Throws: `unsupported`, by the name of a module or tensor.
  static func check(
    _ adapter: LowRankAdapter, of home: String, holdsBias: Bool
  ) throws(CheckpointError) {
    for module in adapter.modules {
      var what: String?
      switch module.kind {
      case .linear, .convolution: break
      case .embedding: what = "the factors of an embedding"
      case .experts: what = "the factors of stacked experts"
      }
      if module.bias != nil, !holdsBias { what = "a bias in B" }
      if let what { throw refusal("\(module.name.printable) has \(what)", home, adapter) }
    }
    for other in adapter.others {
      let what =
        switch other.kind {
        case .savedModule: "is of a module that is saved whole"
        case .trainedTokens: "has trained tokens"
        case .bias: "is a trained bias"
        case .wholeEmbedding: "is an embedding of the base model"
        case .unknown: "is not of a LoRA pair"
        }
      throw refusal("\(other.name.printable) \(what)", home, adapter)
    }
    guard !adapter.modules.isEmpty else {
      throw CheckpointError(.unsupported, "has no modules to convert", path: adapter.path)
    }
  }

  private static func refusal(
    _ what: String, _ home: String, _ adapter: LowRankAdapter
  ) -> CheckpointError {
    CheckpointError(.unsupported, "\(what), which \(home) cannot hold", path: adapter.path)
  }
}
