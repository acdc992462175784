// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The update of an input embedding that is tied to the output embedding. MLX applies it to both;
/// PEFT has a second pair for the output (spec/mlx.md, MX7).
struct TiedEmbedding {
  /// The output embedding whose factors are those of the input embedding; nil without one.
  private let head: UTF8Text?

  /// The last components of names of output embeddings.
  private static let heads: Set<Substring> = ["lm_head", "embed_out"]
  /// The last components of names of embeddings that are never tied to the output.
  private static let others: Set<Substring> = [
    "wpe", "embed_positions", "position_embeddings", "token_type_embeddings",
  ]

  /// Looks for the output's pair.
  ///
  /// - Throws: `unsupported` for an update of one of two tied embeddings, or two that differ;
  ///   `missing` where only the base model tells whether they are tied.
  /// - Complexity: O(elements of the embedding's factors).
  init(_ adapter: LowRankAdapter, base: BaseModel?) throws(CheckpointError) {
    let embedding = adapter.modules.first {
      $0.kind == .embedding && !Self.others.contains($0.name.components.last ?? "")
    }
    let head = adapter.modules.first {
      $0.kind == .linear && $0.name.components.last.map(Self.heads.contains) ?? false
    }
    let ties = base?.tiesEmbeddings
    guard let embedding else {
      if let head, ties == true {
        throw Self.refusal(
          adapter, head, "the output embedding alone: mlx-lm has one tensor for both")
      }
      self.head = nil
      return
    }
    guard ties != false else {
      self.head = nil
      return
    }
    let isPair = try head.map { head throws(CheckpointError) in try Self.isPair(embedding, head) }
    guard ties == true else {
      // Tied embeddings have one update for both, or none for the output.
      guard isPair == false else {
        throw CheckpointError(
          .missing,
          "the base model is needed: whether \(embedding.name.printable) is tied to the output "
            + "decides what MLX computes", path: adapter.path, remedy: .provideBase)
      }
      self.head = nil
      return
    }
    guard let head, isPair == true else {
      throw Self.refusal(
        adapter, embedding,
        "the input embedding alone: MLX would change the output with it. PEFT's "
          + "ensure_weight_tying changes both, and can be converted")
    }
    self.head = UTF8Text(head.name)
  }

  /// Whether a module is the output's side of a tied pair.
  func leavesOut(_ module: LowRankModule) -> Bool { head == UTF8Text(module.name) }

  private static func refusal(
    _ adapter: LowRankAdapter, _ module: LowRankModule, _ reason: String
  ) -> CheckpointError {
    CheckpointError(
      .unsupported,
      "\(module.name.printable) is tied in the base model, and the adapter changes \(reason)",
      path: adapter.path)
  }

  /// Whether the output's factors are the transposes of the embedding's, to the last bit.
  private static func isPair(
    _ embedding: LowRankModule, _ head: LowRankModule
  ) throws(CheckpointError) -> Bool {
    guard embedding.scale.scale == head.scale.scale, head.isPlain, embedding.isPlain else {
      return false
    }
    guard try head.a.hasSameElements(as: embedding.b.transposed()) else { return false }
    return try head.b.hasSameElements(as: embedding.a.transposed())
  }

  /// The output's side of an embedding that MLX applies to both.
  static func head(of embedding: LowRankModule) -> LowRankModule {
    LowRankModule(
      name: "lm_head", kind: .linear, a: embedding.b.transposed(), b: embedding.a.transposed(),
      scale: embedding.scale)
  }

  /// Whether a module is an embedding that may be tied to the output.
  static func mayBeTied(_ module: LowRankModule) -> Bool {
    module.kind == .embedding && !others.contains(module.name.components.last ?? "")
  }

  /// Whether a module is an output embedding.
  static func isHead(_ name: String) -> Bool {
    name.components.last.map(heads.contains) ?? false
  }
}

extension FactorView {
  /// The number of elements that are compared at a time.
  private static let blockElementCount = 1 << 16

  /// Whether two views have the same dtype, dimensions and elements, bit by bit.
  ///
  /// - Throws: what reading throws.
  /// - Complexity: O(elements), in constant memory.
  func hasSameElements(as other: FactorView) throws(CheckpointError) -> Bool {
    guard dtype == other.dtype, sizes == other.sizes else { return false }
    guard elementCount > 0 else { return true }
    let step = max(1, Self.blockElementCount / (elementCount / sizes[0]))
    for start in stride(from: 0, to: sizes[0], by: step) {
      let range = start..<min(sizes[0], start + step)
      let left = try subrange(axis: 0, range).values(in: .float64)
      let right = try other.subrange(axis: 0, range).values(in: .float64)
      guard zip(left, right).allSatisfy({ $0.bitPattern == $1.bitPattern }) else { return false }
    }
    return true
  }
}
