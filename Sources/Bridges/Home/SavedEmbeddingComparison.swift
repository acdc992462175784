// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The comparison of embeddings that an adapter has whole, beside their updates, with those of the base
/// model (spec/bridges.md, BR14). PEFT puts them in their place when it loads the adapter.
struct SavedEmbeddingComparison {
  /// What is left out, and whether it was compared; one line for each embedding.
  private(set) var notes: [String] = []

  private static let blockElementCount = 1 << 20

  /// Compares the embeddings of an adapter.
  ///
  /// - Throws: `unsupported` for an embedding with other values than the base model's; what reading
  ///   throws.
  /// - Complexity: O(bytes of the embeddings), in blocks.
  init(_ adapter: LowRankAdapter, base: BaseModel?) throws(CheckpointError) {
    for other in adapter.others where other.kind == .wholeEmbedding {
      guard let own = try Self.tensor(other.name, of: base), own.sizes == other.view.sizes,
        own.sizes.count == 2
      else {
        notes.append(
          "left out: \(other.name.printable), taken for the base model's own, with which it was not "
            + "compared")
        continue
      }
      guard try Self.isSame(other.view, own) else {
        throw CheckpointError(
          .unsupported,
          "has other values than the base model, which only PEFT would put in their place",
          path: adapter.path, tensor: other.view.name,
          hint: "PEFT's merge_and_unload makes a model with them")
      }
      notes.append("left out: \(other.name.printable), which is the base model's own")
    }
  }

  /// A tensor of the base model, whose file may leave out the first part of the name.
  private static func tensor(
    _ name: String, of base: BaseModel?
  ) throws(CheckpointError) -> FactorView? {
    guard let weights = base?.weights else { return nil }
    let short = name.components.dropFirst().dotted
    guard let index = weights.index(of: TensorName(name)) ?? weights.index(of: TensorName(short))
    else { return nil }
    return try FactorView(weights, at: index)
  }

  /// Whether two matrices of one shape have the same values, but for the rounding of the coarser dtype.
  private static func isSame(
    _ left: FactorView, _ right: FactorView
  ) throws(CheckpointError) -> Bool {
    let (rows, width) = (left.sizes[0], left.sizes[1])
    let step = max(1, blockElementCount / max(1, width))
    let formats = [left.dtype, right.dtype].compactMap { FloatFormat($0) }
    let tolerance = formats.map(\.unitRoundoff).max() ?? 0
    var first = 0
    while first < rows {
      let range = first..<min(rows, first + step)
      let ours = try left.subrange(axis: 0, range).values(in: .float64)
      let theirs = try right.subrange(axis: 0, range).values(in: .float64)
      for (x, y) in zip(ours, theirs) where x != y {
        guard left.dtype != right.dtype, (x - y).magnitude <= tolerance * y.magnitude else {
          return false
        }
      }
      first = range.upperBound
    }
    return true
  }
}
