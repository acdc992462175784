// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT

/// The α of a GGUF adapter, one for all tensors: llama.cpp scales a pair by α over the rank of its B,
/// and by 1 where α is 0 or absent (spec/gguf-adapters.md, GA7).
struct CommonAlpha: Sendable {
  /// The α that gives every module its scale exactly; nil if there is none.
  let value: Float?

  /// Finds the α of modules.
  init(_ modules: [LowRankModule]) {
    func alpha(of module: LowRankModule) -> Float? {
      let scale = module.scale
      let product = scale.scale * Double(scale.rank)
      let candidates = [scale.alpha, product, product.rounded()]
      return candidates.lazy
        .filter { $0 / Double(scale.rank) == scale.scale }
        .map { Float($0) }
        .first { $0.isFinite && $0 != 0 && Double($0) / Double(scale.rank) == scale.scale }
    }
    guard let first = modules.first.flatMap(alpha) else {
      value = nil
      return
    }
    value = modules.allSatisfy { alpha(of: $0) == first } ? first : nil
  }

  /// What B of a module is multiplied by.
  func factor(of module: LowRankModule) -> Double { value == nil ? module.scale.scale : 1 }
}
