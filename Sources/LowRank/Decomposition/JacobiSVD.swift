// SPDX-License-Identifier: Apache-2.0

/// The singular values and vectors of a small matrix, by one-sided Jacobi rotations.
///
/// Uses only + − × ÷ √ of F64 in a fixed order, so that every machine computes the same bits.
package struct JacobiSVD {
  /// The left vectors, each scaled by its singular value; columns of the rotated matrix.
  package private(set) var scaledLeft: [[Double]]
  /// The right vectors.
  package private(set) var right: [[Double]]

  private static let sweepLimit = 60

  /// Decomposes a matrix.
  ///
  /// - Parameter columns: columns of one length, which is at least their number.
  package init(_ columns: [[Double]]) {
    scaledLeft = columns
    right = columns.indices.map { index in columns.indices.map { $0 == index ? 1 : 0 } }
    for _ in 0..<Self.sweepLimit where !sweep() { return }
  }

  /// Rotates every pair of columns once.
  ///
  /// - Returns: whether a pair was not orthogonal.
  private mutating func sweep() -> Bool {
    var hasRotated = false
    for first in scaledLeft.indices {
      for second in scaledLeft.indices where second > first {
        var (alpha, beta, gamma) = (0.0, 0.0, 0.0)
        for index in scaledLeft[first].indices {
          let (x, y) = (scaledLeft[first][index], scaledLeft[second][index])
          alpha += x * x
          beta += y * y
          gamma += x * y
        }
        guard gamma.magnitude > 0x1p-52 * (alpha * beta).squareRoot() else { continue }
        hasRotated = true
        let zeta = (beta - alpha) / (2 * gamma)
        let root = zeta.magnitude + (1 + zeta * zeta).squareRoot()
        let tangent = zeta < 0 ? -1 / root : 1 / root
        let cosine = 1 / (1 + tangent * tangent).squareRoot()
        let sine = cosine * tangent
        Self.rotate(&scaledLeft, first, second, cosine, sine)
        Self.rotate(&right, first, second, cosine, sine)
      }
    }
    return hasRotated
  }

  private static func rotate(
    _ columns: inout [[Double]], _ first: Int, _ second: Int, _ cosine: Double, _ sine: Double
  ) {
    for index in columns[first].indices {
      let (x, y) = (columns[first][index], columns[second][index])
      columns[first][index] = cosine * x - sine * y
      columns[second][index] = sine * x + cosine * y
    }
  }
}
