// SPDX-License-Identifier: Apache-2.0

/// The distribution of values that come in pieces: counts of intervals around zero, as wide as the
/// largest magnitude needs.
///
/// The width is a power of two, and doubles when a value lies beyond the last interval; two
/// intervals become one then. So the result does not depend on the order of the values.
struct ValueHistogram: Sendable {
  /// The intervals on each side of zero.
  static let sideCount = 2048
  private static let sideExponent = 11

  /// The values in each interval, the most negative first.
  private(set) var counts = [Int](repeating: 0, count: 2 * sideCount)
  /// The binary logarithm of the width; nil while all values are zero.
  private(set) var exponent: Int?
  /// The number of values that are numbers.
  private(set) var count = 0
  /// The number of values that are NaN or infinite.
  private(set) var nonFiniteCount = 0
  /// The number of zeros.
  private(set) var zeroCount = 0
  /// The least and the largest number.
  private(set) var range: ClosedRange<Double>?

  private var sum = 0.0
  private var squares = 0.0

  /// The width of an interval.
  var width: Double { Self.power(exponent ?? 0) }

  /// The mean; nil if there is none or it is beyond F64.
  var mean: Double? { finite(sum / Double(count)) }

  /// The standard deviation from the mean, of all values; nil as for the mean.
  var deviation: Double? {
    mean.flatMap { finite(max(0, squares / Double(count) - $0 * $0).squareRoot()) }
  }

  /// The share of zeros.
  var zeroShare: Double? { count > 0 ? Double(zeroCount) / Double(count) : nil }

  private func finite(_ value: Double) -> Double? { count > 0 && value.isFinite ? value : nil }

  /// Adds values.
  ///
  /// - Returns: the sum of the squares of those that are numbers.
  /// - Complexity: O(values).
  @discardableResult
  mutating func add(_ values: Span<Double>) -> Double {
    var squares = 0.0
    var least = Double.infinity
    var largest = -Double.infinity
    for index in values.indices {
      let value = values[index]
      guard value.isFinite else {
        nonFiniteCount += 1
        continue
      }
      count += 1
      if value == 0 { zeroCount += 1 }
      sum += value
      squares += value * value
      least = min(least, value)
      largest = max(largest, value)
    }
    self.squares += squares
    guard least <= largest else { return squares }
    range = min(least, range?.lowerBound ?? least)...max(largest, range?.upperBound ?? largest)
    widen(for: max(-least, largest))
    let scale = Self.power(-(exponent ?? 0))
    for index in values.indices {
      let value = values[index]
      guard value.isFinite else { continue }
      let place = Int((value * scale).rounded(.down)) + Self.sideCount
      counts[min(max(place, 0), counts.count - 1)] += 1
    }
    return squares
  }

  /// Widens the intervals until the last one has a magnitude.
  private mutating func widen(for magnitude: Double) {
    guard magnitude > 0 else { return }
    // The least width is a normal number, so that its reciprocal is one too.
    let needed = max(-1022, magnitude.exponent + 1 - Self.sideExponent)
    guard let exponent else {
      // Zeros alone: they are in the first interval on the right, at any width.
      self.exponent = needed
      return
    }
    guard needed > exponent else { return }
    let shift = needed - exponent
    var wider = [Int](repeating: 0, count: counts.count)
    for place in counts.indices where counts[place] > 0 {
      wider[((place - Self.sideCount) >> shift) + Self.sideCount] += counts[place]
    }
    counts = wider
    self.exponent = needed
  }

  private static func power(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }
}

extension ValueHistogram {
  /// Wider intervals for a chart.
  struct Bars: Sendable {
    let lower: Double
    let width: Double
    let counts: [Int]
    /// The values below the first bar and above the last one.
    let outside: (below: Int, above: Int)
  }

  /// Bars of the values but for a thousandth at each end, so that a few large ones do not hide the
  /// rest.
  ///
  /// - Parameter limit: the most bars.
  func bars(limit: Int) -> Bars {
    let tail = count / 1000
    var (first, below) = (0, 0)
    while first < counts.count - 1, below + counts[first] <= tail {
      below += counts[first]
      first += 1
    }
    var (last, above) = (counts.count - 1, 0)
    while last > first, above + counts[last] <= tail {
      above += counts[last]
      last -= 1
    }
    let size = (last - first) / limit + 1
    let bars = (last - first) / size + 1
    var sums = [Int](repeating: 0, count: bars)
    for place in first...last { sums[(place - first) / size] += counts[place] }
    return Bars(
      lower: max(Double(first - Self.sideCount) * width, -.greatestFiniteMagnitude),
      width: Double(size) * width, counts: sums,
      outside: (below, above))
  }
}
