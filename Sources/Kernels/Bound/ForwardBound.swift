// SPDX-License-Identifier: Apache-2.0

/// The largest rounding error of one element of the forward, for any order of summation.
///
/// With p = Σ c·r and a = Σ |c||r| exact, g = rank · u of the accumulator (F32, or F64 for F64), η′
/// its smallest subnormal, u and η those of the format: δ = g·a + rank·η′/2, for half types plus
/// u·(|p| + g·a) + η/2. An output satisfies the bound when
/// |out − e·p| ≤ |e|·δ + u·|e|·(|p| + δ) + η/2.
///
/// Beyond that a finite element is accepted in one case, and an infinite or NaN one in another:
/// - **BF16, flushed**: some CPUs treat subnormal factors and products (below 2^-126) as zero. Zero
///   is accepted where e, or p or e·p within δ, is that small; and each term of p that has such a
///   factor, or is that small, may be missing from p. Partial sums of normal terms that such a CPU
///   flushes on the way to a normal p are not accepted: it takes terms below 2^-110 to have them.
/// - **Overflow**: the intermediate sums lie between the sum of the negative terms and that of the
///   positive ones, widened by g·a + rank·η′/2 (of a no more than the accumulator's largest number). Where
///   that range, or p so widened in the output's format, or e·p ± |e|·δ reaches a value that rounds to
///   infinity, so may the output, with the sign that follows; and NaN is accepted where sums may
///   reach both infinities, or one of them is multiplied by e = 0.
///
/// All of it is evaluated to 2^-100 of the sizes involved.
struct ForwardBound {
  /// The verdict on one output.
  enum Verdict: Equatable {
    /// Within the bound, of which it uses this share.
    case within(share: Double)
    /// Explained by subnormals treated as zero.
    case flushed
    /// An infinity or NaN that an overflow explains.
    case overflowed
    /// A factor is infinite or NaN: the bound does not apply.
    case notComparable
    /// Outside the bound, by this many times; infinite for an infinity or NaN.
    case outside(share: Double)
  }

  let format: FloatFormat
  let gamma: WideFloat
  let accumulatorFloor: WideFloat
  let unit: WideFloat
  let floor: WideFloat

  init(format: FloatFormat, rank: Int) {
    let accumulator: FloatFormat = format == .float64 ? .float64 : .float32
    let count = WideFloat(Double(rank))
    self.format = format
    gamma = count * .power(-accumulator.significandBitCount)
    accumulatorFloor = count * .power(accumulator.smallestExponent - 1)
    unit = .power(-format.significandBitCount)
    floor = .power(format.smallestExponent - 1)
  }

  /// The sums of one element, by the sign of the terms: the smaller one could not be recovered from
  /// their difference.
  struct Sums {
    private(set) var positive = WideFloat.zero
    private(set) var negative = WideFloat.zero
    /// The sum of those terms that a CPU may treat as zero.
    fileprivate(set) var flushedUp = WideFloat.zero
    fileprivate(set) var flushedDown = WideFloat.zero

    /// Σ c·r.
    var p: WideFloat { positive + negative }
    /// Σ |c||r|.
    var a: WideFloat { positive - negative }

    fileprivate mutating func add(_ term: WideFloat) {
      if term.isNegative { negative = negative + term } else { positive = positive + term }
    }
  }

  /// Adds the term c·r of finite factors.
  func add(_ column: Double, _ row: Double, to sums: inout Sums) {
    let term = WideFloat(column) * WideFloat(row)
    sums.add(term)
    guard format == .bfloat16, !term.isZero else { return }
    guard column.isFlushable || row.isFlushable || term.magnitude < .flushLimit else { return }
    if term.isNegative {
      sums.flushedDown = sums.flushedDown + term
    } else {
      sums.flushedUp = sums.flushedUp + term
    }
  }

  /// δ for a product of this magnitude.
  func delta(_ sums: Sums, product: WideFloat) -> WideFloat {
    let spread = gamma * sums.a
    let delta = spread + accumulatorFloor
    return format.isHalf ? delta + unit * (product + spread) + floor : delta
  }

  /// The bound for a product of this magnitude.
  func bound(_ sums: Sums, product: WideFloat, embedding: WideFloat) -> WideFloat {
    let delta = delta(sums, product: product)
    return embedding * delta + unit * embedding * (product + delta) + floor
  }

  /// Judges an output against finite factors.
  func verdict(of output: Double, embedding: Double, sums: Sums) -> Verdict {
    guard output.isFinite else {
      return mayOverflow(to: output, embedding: embedding, sums: sums)
        ? .overflowed : .outside(share: .infinity)
    }
    let e = WideFloat(embedding)
    let error = (WideFloat(output) - e * sums.p).magnitude
    let bound = bound(sums, product: sums.p.magnitude, embedding: e.magnitude)
    if error <= bound { return .within(share: min(1, WideFloat.ratio(error, bound))) }
    if format == .bfloat16, mayFlush(to: output, embedding: embedding, sums: sums) {
      return .flushed
    }
    return .outside(share: WideFloat.ratio(error, bound))
  }
}

extension Double {
  /// Whether a CPU that flushes subnormals treats this factor as zero.
  var isFlushable: Bool { self != 0 && magnitude < 0x1p-126 }
}

extension WideFloat {
  static var flushLimit: WideFloat { .power(-126) }
}
