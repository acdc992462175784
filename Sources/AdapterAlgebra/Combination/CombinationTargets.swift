// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Bridges
internal import JSONDocument
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// What adapters have next to their updates when they are combined (spec/adapter-algebra.md, AL38, AL40).
struct CombinationTargets {
  /// How the config says which modules are adapted.
  let targets: ComputedConfig.Targets
  /// Embeddings of the base model that are saved next to their updates.
  private(set) var embeddings: [LowRankAdapter.OtherTensor] = []
  /// What a user should know, each one line.
  private(set) var notes: [String] = []

  /// Keys that change what updates do, so that they must be the same in all adapters.
  private static let sharedKeys = ["alora_invocation_tokens", "layer_replication"]
  /// Keys that say which modules are adapted.
  private static let selectingKeys = [
    "target_modules", "layers_to_transform", "layers_pattern", "exclude_modules",
  ]

  /// Checks adapters.
  ///
  /// - Throws: `unsupported` for what is not combined, by the name of the module or tensor.
  init(_ adapters: [LowRankAdapter]) throws(CheckpointError) {
    for adapter in adapters { try Self.check(adapter) }
    for adapter in adapters.dropFirst() {
      for key in Self.sharedKeys {
        let values = [adapters[0], adapter].map { $0.config?.document[key] ?? .null }
        guard values[0] == values[1] else {
          throw CheckpointError(
            .unsupported,
            "the config has another \"\(key)\" than that of \(adapters[0].path.printable)",
            path: adapter.path)
        }
      }
    }
    targets = Self.targets(of: adapters)
    for adapter in adapters { try addEmbeddings(of: adapter) }
    let names = Set(adapters.compactMap(\.baseModelName))
    if names.count > 1 {
      notes.append(
        "the adapters name different base models: "
          + names.sorted().map(\.printable).joined(separator: ", "))
    }
  }

  /// Refuses what PEFT refuses or loses (AL38).
  private static func check(_ adapter: LowRankAdapter) throws(CheckpointError) {
    try adapter.requireLoRA(toBe: "combined", advice: "combine those of one model")
    for module in adapter.modules {
      let reason: String
      if module.magnitude != nil {
        reason = "has DoRA's magnitudes, which normalize the weight that the update is added to"
      } else if module.bias != nil {
        reason = "has a bias in B, which is not part of the update"
      } else if module.isOfExperts {
        reason = "is a parameter of stacked experts"
      } else {
        continue
      }
      throw CheckpointError(
        .unsupported, "\(module.name.printable) \(reason): PEFT does not combine it",
        path: adapter.path)
    }
    for other in adapter.others where other.kind != .wholeEmbedding {
      let what =
        switch other.kind {
        case .savedModule: "belongs to a module that is saved whole"
        case .trainedTokens: "has trained tokens"
        case .bias: "is a trained bias"
        case .wholeEmbedding, .unknown: "is not part of an update"
        }
      throw CheckpointError(
        .unsupported, "\(what), which a combination would lose", path: adapter.path,
        tensor: other.view.name)
    }
  }

  /// How the config of the result names the modules: as all of them do, by the entries of all of them where
  /// each has a list and nothing else, or all in full.
  private static func targets(of adapters: [LowRankAdapter]) -> ComputedConfig.Targets {
    let documents = adapters.map { $0.config?.document ?? JSONObject() }
    let selections = documents.map { document in
      selectingKeys.map { document[$0] ?? .null }
    }
    if selections.allSatisfy({ $0 == selections[0] }), adapters[0].config != nil { return .kept }
    var names: Set<String> = []
    for values in selections {
      guard let list = values[0].array, values.dropFirst().allSatisfy({ !$0.isTruthy }) else {
        return .named(allNames(of: adapters))
      }
      for value in list {
        guard let name = value.string else { return .named(allNames(of: adapters)) }
        names.insert(name)
      }
    }
    return .named(names.sorted())
  }

  private static func allNames(of adapters: [LowRankAdapter]) -> [String] {
    var seen: Set<String> = []
    return adapters.flatMap(\.modules).map(\.name).filter { seen.insert($0).inserted }
  }

  /// Keeps the embeddings of an adapter.
  ///
  /// - Throws: `unsupported` for one that differs from that of another adapter.
  private mutating func addEmbeddings(of adapter: LowRankAdapter) throws(CheckpointError) {
    for other in adapter.others {
      guard let known = embeddings.first(where: { $0.name == other.name }) else {
        embeddings.append(other)
        continue
      }
      guard try Self.isSame(known.view, other.view) else {
        throw CheckpointError(
          .unsupported,
          "is not the same as in \(known.view.archive.path.printable): the adapters have different base "
            + "models", path: adapter.path, tensor: other.view.name)
      }
    }
  }

  /// Whether two tensors are the same bit by bit.
  private static func isSame(
    _ left: FactorView, _ right: FactorView
  ) throws(CheckpointError) -> Bool {
    guard left.dtype == right.dtype, left.sizes == right.sizes else { return false }
    return try left.archive.withTensor(at: left.index) { left throws(CheckpointError) in
      try right.archive.withTensor(at: right.index) { right throws(CheckpointError) in
        equalPrefixByteCount(left.bytes, right.bytes) == left.bytes.byteCount
      }
    }
  }
}
