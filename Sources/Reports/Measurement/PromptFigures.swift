// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The figures of a learned prompt, `prompt_embeddings` [virtual tokens, width].
struct PromptFigures: Sendable {
  /// The number of virtual tokens.
  let tokenCount: Int
  /// The elements of a virtual token.
  let width: Int
  /// The norms of the first virtual tokens.
  let norms: [Double?]
  /// The cosines of the angles between the first virtual tokens; nil for one that is zero. Empty if
  /// they would take too long.
  let similarities: [[Double?]]

  /// The name of the tensor.
  private static let name: TensorName = "prompt_embeddings"
  /// The most elements that are decoded at a time.
  private static let mostElements = 1 << 24

  /// Reads the prompt.
  ///
  /// - Returns: nil for an adapter without one.
  /// - Throws: what reading the tensor throws; `unsupported` for a dtype that is not computed in.
  /// - Complexity: O(elements + drawn tokens² · width).
  init?(of weights: any TensorArchive) throws(CheckpointError) {
    guard let index = weights.index(of: Self.name) else { return nil }
    let info = weights.tensor(at: index)
    let sizes = info.shape.dimensions.compactMap { Int(exactly: $0) }
    guard sizes.count == 2, info.shape.rank == 2, sizes[0] > 0, sizes[1] > 0 else { return nil }
    guard let format = FloatFormat(info.dtype) else {
      throw CheckpointError(
        .unsupported, "is \(info.dtype), not F64, F32, BF16 or F16", path: weights.path,
        tensor: info.name)
    }
    let (count, width) = (sizes[0], sizes[1])
    let drawn = min(count, ReportLimits.tokens)
    let compared = min(count, ReportLimits.similarities)
    (tokenCount, self.width) = (count, width)
    (norms, similarities) = try weights.withTensor(at: index) { view throws(CheckpointError) in
      func row(_ token: Int) -> [Double] {
        let size = width * format.byteCount
        let bytes = view.bytes.extracting(token * size..<(token + 1) * size)
        return [Double](bytes, from: format, rounding: .float64)
      }
      var norms: [Double?] = []
      for token in 0..<drawn {
        var squares = ScaledSquares()
        let values = row(token)
        for value in values where value.isFinite { squares.add(value) }
        norms.append(values.allSatisfy(\.isFinite) ? squares.norm : nil)
      }
      guard compared > 1, width <= Self.mostElements / compared else { return (norms, []) }
      let units = (0..<compared).map { token -> [Double]? in
        guard let norm = norms[token], norm > 0, norm.isFinite else { return nil }
        return row(token).map { $0 / norm }
      }
      return (norms, Self.cosines(of: units))
    }
  }

  private static func cosines(of units: [[Double]?]) -> [[Double?]] {
    var cosines = [[Double?]](
      repeating: [Double?](repeating: nil, count: units.count), count: units.count)
    for first in units.indices {
      guard let left = units[first] else { continue }
      cosines[first][first] = 1
      for second in 0..<first {
        guard let right = units[second] else { continue }
        var sum = 0.0
        for index in left.indices { sum += left[index] * right[index] }
        let cosine = max(-1, min(1, sum))
        cosines[first][second] = cosine
        cosines[second][first] = cosine
      }
    }
    return cosines
  }
}
