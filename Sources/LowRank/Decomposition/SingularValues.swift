// SPDX-License-Identifier: Apache-2.0

/// Figures of singular values.
package enum SingularValues {
  /// The participation ratio: (Σσ²)² / Σσ⁴, from 1 to the number of values; 0 if all are zero.
  ///
  /// - Parameter values: in descending order.
  package static func effectiveRank(of values: [Double]) -> Double {
    guard let largest = values.first, largest > 0 else { return 0 }
    let squares = values.map { ($0 / largest) * ($0 / largest) }
    let sum = squares.reduce(0, +)
    return sum * sum / squares.reduce(0) { $0 + $1 * $1 }
  }
}
