// SPDX-License-Identifier: Apache-2.0

/// The two factors that LoKr divides an extent into.
package struct KroneckerFactors: Sendable, Hashable {
  /// The sizes of a factor of a weight.
  package struct Size: Sendable, Hashable, CustomStringConvertible {
    package let rows: Int, columns: Int

    package init(rows: Int, columns: Int) {
      (self.rows, self.columns) = (rows, columns)
    }

    package var description: String { "\(rows) × \(columns)" }
  }

  /// The part of the first, small matrix.
  package let small: Int
  /// The part of the second, large matrix.
  package let large: Int

  /// The most that is factored, which bounds the steps.
  private static let largestExtent = 1 << 24

  /// Factors an extent as PEFT does: `factor` and the rest if it divides, else the largest divisor up
  /// to the square root and `factor`, and the rest.
  ///
  /// - Parameter factor: `decompose_factor`; -1 for the divisor next to the square root.
  /// - Returns: nil for extents that are not positive or too large.
  /// - Complexity: O(√extent), bounded.
  package init?(of extent: Int, by factor: Int) {
    guard (1...Self.largestExtent).contains(extent) else { return nil }
    if factor > 0 && extent % factor == 0 {
      (small, large) = (factor, extent / factor)
      return
    }
    var divisor = Int(Double(extent).squareRoot())
    if factor != -1 { divisor = min(divisor, max(1, factor)) }
    while divisor > 1 && extent % divisor != 0 { divisor -= 1 }
    (small, large) = (divisor, extent / divisor)
  }

  /// Whether PEFT makes a factor full: the rank is at least half of its longer side.
  package static func isFull(_ size: Size, rank: Int) -> Bool {
    let side = max(size.rows, size.columns)
    return rank >= side - rank
  }

  /// Whether LyCORIS, which guesses the divisor from the factors, comes to the same ones (lycoris-lora
  /// 4.1.3).
  ///
  /// - Parameters:
  ///   - large: the second factor; of a flat one of a convolution, whose columns have the kernel too,
  ///     this counts in LyCORIS's guess.
  ///   - kernel: the number of places of the kernel in these columns.
  package static func isLoadedByLyCORIS(_ small: Size, _ large: Size, kernel: Int) -> Bool {
    let (rows, overflow) = small.rows.multipliedReportingOverflow(by: large.rows)
    let (columns, overflow2) = small.columns.multipliedReportingOverflow(by: large.columns)
    guard !overflow, !overflow2, kernel > 0, large.columns % kernel == 0,
      let outer = Self(of: rows, by: -1), let inner = Self(of: columns, by: -1)
    else { return false }
    var factor = -1
    if outer.small != small.rows || inner.small != small.columns {
      let candidates = [small, large].map { max($0.rows, $0.columns) }
      let fitting = candidates.first { factor in
        factor > 0 && rows % factor == 0 && columns % factor == 0
          && [small.rows, large.rows].contains(factor)
          && [small.columns, large.columns].contains(factor)
      }
      factor = fitting ?? min(candidates[0], candidates[1])
    }
    func sorted(_ extent: Int) -> Int? {
      Self(of: extent, by: factor).map { min($0.small, $0.large) }
    }
    return sorted(rows) == small.rows && sorted(columns / kernel) == small.columns
  }
}
