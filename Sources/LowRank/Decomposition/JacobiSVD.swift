// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// The singular values and vectors of a small matrix, by one-sided Jacobi rotations.
///
/// Uses only + − × ÷ √ of F64 in a fixed order, so that every machine computes the same bits.
package struct JacobiSVD: Sendable {
  private var rotated: JacobiColumns
  /// The singular values, in the order of the columns.
  package let lengths: [Double]

  private static let sweepLimit = 60

  /// Decomposes a matrix.
  ///
  /// - Parameters:
  ///   - columns: one after the other, each of a multiple of 8 numbers, which is at least `count`.
  ///   - count: the number of columns, at least 1.
  /// - Complexity: O(count² · length) for each of some ten sweeps.
  package init(_ columns: [Double], count: Int) {
    rotated = JacobiColumns(columns, count: count)
    for _ in 0..<Self.sweepLimit where !rotated.sweep() { break }
    let (columns, height) = (rotated.columns, rotated.height)
    lengths = (0..<count).map { column in
      columns[column * height..<(column + 1) * height].reduce(0.0) { $0 + $1 * $1 }.squareRoot()
    }
  }

  /// A left vector, multiplied by its singular value; zeros fill it up to a multiple of 8.
  package func scaledLeft(_ index: Int) -> ArraySlice<Double> {
    rotated.columns[index * rotated.height..<(index + 1) * rotated.height]
  }

  /// A right vector; zeros fill it up to a multiple of 8.
  package func right(_ index: Int) -> ArraySlice<Double> {
    rotated.vectors[index * rotated.size..<(index + 1) * rotated.size]
  }
}
