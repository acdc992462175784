// SPDX-License-Identifier: Apache-2.0

/// Finds which elements are among the largest by magnitude, without sorting or keeping them
/// (spec/adapter-algebra.md, AL34).
///
/// Elements are told by the bits of their magnitudes in F32. They are passed twice, each time all of them: to
/// count them by the upper half of these bits, and then by the lower half within one upper half.
struct MagnitudeThreshold {
  /// The number of elements to keep.
  private let count: Int
  private var counts: [Int]
  private var upper: Int?
  /// The elements that are kept of those in the buckets above.
  private var above = 0

  private static let bucketCount = 1 << 16

  /// - Parameter count: the number of elements to keep.
  init(keeping count: Int) {
    self.count = count
    counts = [Int](repeating: 0, count: Self.bucketCount)
  }

  /// The bits that magnitudes are compared by.
  static func bits(of value: Double) -> UInt32 { Float(value).magnitude.bitPattern }

  /// Counts elements.
  mutating func add(_ values: [Double]) {
    let upper = upper
    for value in values {
      let bits = Self.bits(of: value)
      let high = Int(bits >> 16)
      if let upper {
        if high == upper { counts[Int(bits & 0xFFFF)] += 1 }
      } else {
        counts[high] += 1
      }
    }
  }

  /// Ends the first pass.
  mutating func beginSecondPass() {
    (upper, above) = Self.bucket(of: count, in: counts, above: 0)
    counts = [Int](repeating: 0, count: Self.bucketCount)
  }

  /// The least magnitude that is kept, after both passes, and how many of the elements that have it are kept:
  /// the first ones.
  var result: MagnitudePruning {
    let (lower, above) = Self.bucket(of: count, in: counts, above: above)
    guard let upper, let lower else { return MagnitudePruning(threshold: .max, allowance: 0) }
    return MagnitudePruning(
      threshold: UInt32(upper) << 16 | UInt32(lower), allowance: count - above)
  }

  /// The bucket in which the last element to keep is, and the number of those in the buckets above.
  private static func bucket(
    of count: Int, in counts: [Int], above start: Int
  ) -> (Int?, above: Int) {
    var above = start
    for bucket in counts.indices.reversed() where counts[bucket] > 0 {
      if above + counts[bucket] >= count { return (count > above ? bucket : nil, above) }
      above += counts[bucket]
    }
    return (nil, above)
  }
}

/// Sets all but the largest elements of a tensor to zero, given in their order.
struct MagnitudePruning {
  /// The bits of the least magnitude that is kept.
  let threshold: UInt32
  /// How many more elements of just that magnitude are kept.
  private(set) var allowance: Int

  /// Prunes the next elements.
  mutating func prune(_ values: inout [Double]) {
    for place in values.indices {
      let bits = MagnitudeThreshold.bits(of: values[place])
      if bits > threshold { continue }
      if bits == threshold, allowance > 0 {
        allowance -= 1
        continue
      }
      values[place] = 0
    }
  }
}

extension MagnitudePruning {
  /// Keeps a share of the elements of a tensor, rounded down.
  ///
  /// - Complexity: O(elements).
  static func prune(_ values: inout [Double], density: Double) {
    guard density < 1 else { return }
    var threshold = MagnitudeThreshold(keeping: Int(density * Double(values.count)))
    threshold.add(values)
    threshold.beginSecondPass()
    threshold.add(values)
    var pruning = threshold.result
    pruning.prune(&values)
  }
}
