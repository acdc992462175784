// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// What an adapter has that MLX has no place for (spec/mlx.md, MX8).
struct MLXRefusals {
  private let adapter: LowRankAdapter

  /// The dtypes that `mx.load` reads as numbers and MLX computes in.
  static let dtypes: [DType] = [.float32, .bfloat16, .float16]
  private static let merging = "PEFT's merge_and_unload puts the adapter into its base model"

  /// Checks an adapter.
  ///
  /// - Parameter dtype: the dtype to write; nil for that of the source.
  /// - Throws: `unsupported`, by name.
  static func check(_ adapter: LowRankAdapter, dtype: DType?) throws(CheckpointError) {
    let refusals = MLXRefusals(adapter: adapter)
    guard !adapter.modules.isEmpty else {
      throw refusals.refusal("has no low-rank update")
    }
    try refusals.checkConfig()
    for module in adapter.modules { try refusals.check(module, dtype: dtype) }
    for other in adapter.others { try refusals.check(other) }
    try refusals.checkMagnitudes()
  }

  private func refusal(_ message: String, hint: String? = merging) -> CheckpointError {
    CheckpointError(.unsupported, message, path: adapter.path, hint: hint)
  }

  /// Refuses what PEFT does besides the updates.
  private func checkConfig() throws(CheckpointError) {
    guard let document = adapter.config?.document else { return }
    if document["alora_invocation_tokens"]?.isTruthy == true {
      throw refusal(
        "\"alora_invocation_tokens\": MLX applies an adapter to all tokens", hint: nil)
    }
  }

  private func check(_ module: LowRankModule, dtype: DType?) throws(CheckpointError) {
    let name = module.name.printable
    if module.bias != nil {
      throw refusal("\(name) has a bias in B (\"lora_bias\"), which MLX does not have")
    }
    if module.kind == .embedding, module.magnitude != nil {
      throw refusal(
        "\(name) has DoRA's magnitudes for each dimension of the embedding, where MLX has them for "
          + "each token")
    }
    guard module.scale.scale.isFinite else {
      throw refusal("\(name) has the scale \(module.scale.scale)", hint: nil)
    }
    guard dtype == nil else { return }
    for view in [module.a, module.b, module.magnitude].compactMap(\.self)
    where !Self.dtypes.contains(view.dtype) {
      throw CheckpointError(
        .unsupported, "is \(view.dtype), which MLX does not load as numbers",
        path: adapter.path, tensor: view.name, hint: "MLX has F32, BF16 and F16",
        remedy: .chooseDType)
    }
  }

  private func check(_ other: LowRankAdapter.OtherTensor) throws(CheckpointError) {
    let name = other.name.printable
    switch other.kind {
    case .wholeEmbedding: return
    case .savedModule:
      throw refusal("\(name) is of a module saved whole, which MLX adapters do not have")
    case .trainedTokens:
      throw refusal("\(name) has trained tokens, which MLX adapters do not have")
    case .bias:
      throw refusal("\(name) is a trained bias, which MLX adapters do not have")
    case .unknown:
      throw refusal("\(name) does not belong to a low-rank update", hint: nil)
    }
  }

  /// Refuses magnitudes of some modules only: MLX gives all of them to all or to none.
  private func checkMagnitudes() throws(CheckpointError) {
    guard let with = adapter.modules.first(where: { $0.magnitude != nil }),
      let without = adapter.modules.first(where: { $0.magnitude == nil })
    else { return }
    throw refusal(
      "\(with.name.printable) has DoRA's magnitudes and \(without.name.printable) does not; in MLX all "
        + "modules have them, or none")
  }
}
