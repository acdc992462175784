// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import JSONDocument
public import LowRank
internal import PEFT
public import Tensors

/// An adapter that PEFT began with factors of the base model's weights (PiSSA, OLoRA, CorDA), as plain LoRA
/// for the unchanged base model (spec/adapter-algebra.md, AL45 to AL48).
///
/// Training with such factors B₀ · A₀ takes s · B₀ · A₀ out of the weights. The adapter for the weights as they
/// were is s · B · A − s · B₀ · A₀, of twice the rank.
public struct InitialSubtraction: Sendable {
  /// The adapter.
  public let result: ComputedLoRA

  /// Subtracts the initial factors; nothing is read before the result is written.
  ///
  /// - Parameters:
  ///   - initial: the adapter as it was saved before training.
  ///   - trained: the adapter.
  /// - Throws: `mismatch` for adapters of different modules, sizes or scales; `unsupported` for one
  ///   that is not LoRA, or has DoRA's magnitudes or biases in B.
  public init(
    of initial: LowRankAdapter, from trained: LowRankAdapter
  ) throws(CheckpointError) {
    for adapter in [trained, initial] { try Self.check(adapter) }
    var first: [String: LowRankModule] = [:]
    for module in initial.modules { first[module.name] = module }
    var modules: [LowRankModule] = []
    for module in trained.modules {
      guard let before = first.removeValue(forKey: module.name) else {
        throw CheckpointError(
          .mismatch, "does not have \(module.name.printable), which the trained adapter has",
          path: initial.path)
      }
      modules.append(try Self.difference(module, before, trained.path, initial.path))
    }
    if let name = first.keys.sorted().first {
      throw CheckpointError(
        .mismatch, "has \(name.printable), which the trained adapter does not have",
        path: initial.path)
    }
    var plain = trained
    plain.modules = modules
    if let document = trained.config?.document {
      var document = document
      document["init_lora_weights"] = .bool(true)
      plain.config = AdapterConfig(document: document)
    }
    result = ComputedLoRA(plain, targets: .kept, origins: [trained.path, initial.path])
  }

  private static func check(_ adapter: LowRankAdapter) throws(CheckpointError) {
    guard adapter.parts.isEmpty, try adapter.config?.peftType ?? .lora == .lora,
      !adapter.modules.isEmpty
    else {
      throw CheckpointError(
        .unsupported, "is not one LoRA adapter, the only kind with initial factors",
        path: adapter.path)
    }
    guard let module = adapter.modules.first(where: { !$0.isPlain }) else { return }
    throw CheckpointError(
      .unsupported,
      "\(module.name.printable) has \(module.bias == nil ? "DoRA's magnitudes" : "a bias in B"): "
        + "the change is not a difference of two updates", path: adapter.path)
  }

  /// The factors next to each other, the initial ones of B negated.
  private static func difference(
    _ trained: LowRankModule, _ initial: LowRankModule, _ trainedPath: String, _ path: String
  ) throws(CheckpointError) -> LowRankModule {
    let axis = trained.rankAxis
    let rank = (trained.scale.rank, initial.scale.rank)
    guard trained.kind == initial.kind, trained.a.sizes == initial.a.sizes,
      trained.b.sizes == initial.b.sizes, rank.0 == rank.1
    else {
      throw CheckpointError(
        .mismatch,
        "\(trained.name.printable) has factors of the shapes \(initial.a.sizes) and "
          + "\(initial.b.sizes), and in the trained adapter of \(trained.a.sizes) and "
          + "\(trained.b.sizes)", path: path)
    }
    guard trained.scale.scale == initial.scale.scale else {
      throw CheckpointError(
        .mismatch,
        "\(trained.name.printable) has the scale \(initial.scale.scale), and in the trained adapter "
          + "\(trained.scale.scale): the factors are not those that training began with", path: path
      )
    }
    func doubled(
      _ name: String, _ views: [FactorView], along axis: Int, factor: Double
    ) -> ComposedTensor {
      var shape = views[0].sizes
      shape[axis] = 2 * rank.0
      return ComposedTensor(
        name, dtype: views[0].dtype == views[1].dtype ? views[0].dtype : .float32, shape: shape,
        pieces: views.enumerated().map { index, view in
          ComposedTensor.Piece(
            view, at: shape.indices.map { $0 == axis ? index * rank.0 : 0 },
            factor: index == 0 ? 1 : factor)
        })
    }
    let archive = try ComposedArchive(
      path: trainedPath, format: CheckpointFormats.standard,
      tensors: [
        doubled("\(trained.name): A", [trained.a, initial.a], along: axis, factor: 1),
        doubled("\(trained.name): B", [trained.b, initial.b], along: axis + 1, factor: -1),
      ])
    var module = trained
    module.a = try FactorView(archive, at: 0)
    module.b = try FactorView(archive, at: 1)
    module.scale = Self.doubled(trained.scale)
    return module
  }

  /// The same scale for twice the rank, with the α that PEFT gives it.
  private static func doubled(_ scale: LoRAScale) -> LoRAScale {
    let isStabilized = scale.alpha / Double(scale.rank) != scale.scale
    return LoRAScale(
      rank: 2 * scale.rank, alpha: scale.alpha * (isStabilized ? 2.0.squareRoot() : 2),
      scale: scale.scale)
  }
}
