// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import Tensors

/// A low-rank approximation of a difference, by a randomised singular value decomposition
/// (spec/adapter-algebra.md, AL21).
///
/// Random vectors are multiplied by the difference, and made orthonormal, some times back and forth; in
/// the space that they span, the decomposition is small. Memory: a few matrices of as many columns as
/// there are vectors.
struct DifferenceSVD {
  /// ‖Δ‖, the Frobenius norm of the difference.
  let norm: Double
  /// The decomposition; nil for a difference of zeros.
  private let svd: FactoredSVD?

  /// - Parameter stream: the stream of the random vectors.
  /// - Throws: `malformed` for elements that are not finite, and what reading throws.
  /// - Complexity: 2 + 2 · iterations passes over both tensors, each O(elements · vectors).
  init(
    _ difference: Difference, options: ExtractionOptions, stream: UInt64
  ) throws(CheckpointError) {
    let (rowCount, width) = (difference.rowCount, difference.width)
    let wanted = options.rank.addingReportingOverflow(options.oversampling).partialValue
    let count = (min(max(wanted, 1), rowCount, width) + 7) / 8 * 8
    var generator = SeededNormalGenerator(seed: options.seed, stream: stream)
    var right = (0..<width * count).map { _ in generator.next() }
    // No overflow: a square of F32 is far inside F64.
    var squares = 0.0
    var left = try Self.product(difference, right, count) { rows, values in
      var sum = 0.0
      for index in 0..<rows.count * width { sum += values[index] * values[index] }
      squares += sum
    }
    norm = squares.squareRoot()
    guard norm != 0 else {
      svd = nil
      return
    }
    guard norm.isFinite else {
      let view = difference.tuned.pieces[0].view
      throw CheckpointError(
        .malformed, "differs by values that are infinite or NaN", path: view.archive.path,
        tensor: view.name)
    }
    left = Self.orthonormal(left, rowCount: rowCount, count)
    for _ in 0..<options.powerIterations {
      right = Self.orthonormal(
        try Self.transposedProduct(difference, left, count), rowCount: width, count)
      left = Self.orthonormal(
        try Self.product(difference, right, count), rowCount: rowCount, count)
    }
    // Q · (Q′ · Δ): the second factor is computed transposed, [width, count].
    let transposed = try Self.transposedProduct(difference, left, count)
    right = [Double](repeating: 0, count: count * width)
    for row in 0..<width {
      for column in 0..<count { right[column * width + row] = transposed[row * count + column] }
    }
    svd = FactoredSVD(left: left, rowCount: rowCount, right: right, width: width, rank: count)
  }

  /// The lowest rank up to `rank` that keeps a share of ‖Δ‖², at least 1.
  func rank(upTo rank: Int, keeping share: Double?) -> Int {
    let values = svd?.values ?? []
    guard let share else { return rank }
    var kept = 0.0
    for (index, value) in values.prefix(rank).enumerated() {
      kept += (value / norm) * (value / norm)
      if kept >= share { return index + 1 }
    }
    return rank
  }

  /// The factors of the approximation, [rowCount, rank] and [rank, width].
  func factors(rank: Int) -> (left: [Double], right: [Double])? { svd?.balanced(rank: rank) }

  /// Δ · right, [rowCount, count].
  private static func product(
    _ difference: Difference, _ right: [Double], _ count: Int,
    observing body: (Range<Int>, [Double]) -> Void = { _, _ in }
  ) throws(CheckpointError) -> [Double] {
    var product = ThinProduct(rowCount: difference.rowCount, width: count)
    try difference.forEachBlock { rows, values throws(CheckpointError) in
      body(rows, values)
      product.add(values, to: rows, depth: difference.width, times: right)
    }
    return product.values
  }

  /// Δ′ · left, [width, count].
  private static func transposedProduct(
    _ difference: Difference, _ left: [Double], _ count: Int
  ) throws(CheckpointError) -> [Double] {
    var product = ThinProduct(rowCount: difference.width, width: count)
    try difference.forEachBlock { rows, values throws(CheckpointError) in
      product.add(
        values, isTransposed: true, to: 0..<difference.width, depth: rows.count, times: left,
        from: rows.lowerBound)
    }
    return product.values
  }

  /// Orthonormal columns that span those of a matrix, [rowCount, count].
  private static func orthonormal(
    _ matrix: [Double], rowCount: Int, _ count: Int
  ) -> [Double] {
    var qr = BlockedQR(width: count, keepsBasis: true)
    for start in stride(from: 0, to: rowCount, by: BlockedQR.blockRowCount) {
      let end = min(start + BlockedQR.blockRowCount, rowCount)
      var rows = Array(matrix[start * count..<end * count])
      qr.add(&rows, count: end - start)
    }
    var identity = [Double](repeating: 0, count: count * count)
    for index in 0..<min(rowCount, count) { identity[index * count + index] = 1 }
    return qr.basis(times: identity, columns: count)
  }
}

extension Difference {
  /// ‖Δ − left · right‖, measured element by element.
  ///
  /// - Parameters:
  ///   - left: [rowCount, rank].
  ///   - right: [rank, width].
  /// - Throws: what reading throws.
  /// - Complexity: one pass over both tensors, O(elements · rank).
  func distance(
    to left: [Double], _ right: [Double], rank: Int
  ) throws(CheckpointError) -> Double {
    let step = (width + 7) / 8 * 8
    var padded = [Double](repeating: 0, count: rank * step)
    for r in 0..<rank {
      for column in 0..<width { padded[r * step + column] = right[r * width + column] }
    }
    var squares = ScaledSquares()
    try forEachBlock { rows, values throws(CheckpointError) in
      var product = ThinProduct(rowCount: rows.count, width: step)
      product.add(
        Array(left[rows.lowerBound * rank..<rows.upperBound * rank]), to: 0..<rows.count,
        depth: rank, times: padded)
      let approximation = product.values
      var sum = 0.0
      for row in 0..<rows.count {
        for column in 0..<width {
          let rest = values[row * width + column] - approximation[row * step + column]
          sum += rest * rest
        }
      }
      squares.add(sum.squareRoot())
    }
    return squares.norm
  }
}
