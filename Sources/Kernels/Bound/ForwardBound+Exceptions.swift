// SPDX-License-Identifier: Apache-2.0
extension ForwardBound {
  /// Whether a BF16 output is the result of a CPU that treats subnormal numbers as zero.
  func mayFlush(to output: Double, embedding: Double, sums: Sums) -> Bool {
    let e = WideFloat(embedding).magnitude
    let low = sums.p - sums.flushedUp
    let high = sums.p - sums.flushedDown
    let largest = low.magnitude < high.magnitude ? high.magnitude : low.magnitude
    let delta = delta(sums, product: largest)
    if output == 0 {
      let smallest = Self.smallestMagnitude(from: low - delta, to: high + delta)
      return embedding.isFlushable || smallest < .flushLimit || e * smallest < .flushLimit
    }
    guard !sums.flushedUp.isZero || !sums.flushedDown.isZero else { return false }
    let ends = embedding < 0 ? (high, low) : (low, high)
    let signed = WideFloat(embedding)
    let bound = bound(sums, product: largest, embedding: e)
    let value = WideFloat(output)
    return signed * ends.0 - bound <= value && value <= signed * ends.1 + bound
  }

  /// Whether a BF16 zero at rank 1 is the result of a CPU that treats subnormal numbers as zero. At
  /// rank 1 each step is known exactly.
  func mayFlushToZero(column: Double, row: Double, embedding: Double) -> Bool {
    let product = column * row
    let value = embedding * format.rounding(product)
    return column.isFlushable || row.isFlushable || embedding.isFlushable || product.isFlushable
      || value.isFlushable
  }

  private static func smallestMagnitude(from low: WideFloat, to high: WideFloat) -> WideFloat {
    if low.isNegative { return high.isNegative ? high.magnitude : .zero }
    return low
  }

  /// Whether finite factors can give an infinity or NaN.
  func mayOverflow(to output: Double, embedding: Double, sums: Sums) -> Bool {
    let accumulator: FloatFormat = format == .float64 ? .float64 : .float32
    let sumLimit = Self.overflowLimit(accumulator)
    // Up to its overflow a sum has lost no more than rounding loses of numbers within the limit.
    let reached = sums.a < sumLimit ? sums.a : sumLimit
    let spread = gamma * reached + accumulatorFloor
    let limit = Self.overflowLimit(format)
    let sumUp = sumLimit <= sums.positive + spread
    let sumDown = sumLimit <= spread - sums.negative
    let up = sumUp || limit <= sums.p + spread
    let down = sumDown || limit <= spread - sums.p
    if output.isNaN { return (sumUp && sumDown) || (embedding == 0 && (up || down)) }

    let sign: Double = output < 0 ? -1 : 1
    if embedding * sign > 0 && up || embedding * sign < 0 && down { return true }
    let e = WideFloat(embedding * sign)
    let delta = delta(sums, product: sums.p.magnitude)
    return limit <= e * sums.p + e.magnitude * delta
  }

  /// The smallest number that rounds to infinity.
  private static func overflowLimit(_ format: FloatFormat) -> WideFloat {
    let exponent = format.overflowExponent
    return .power(exponent) - .power(exponent - format.significandBitCount - 1)
  }
}
