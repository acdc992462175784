// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import Tensors

/// By how much one rounding to the coarser of two dtypes can change the elements of a factor, with the
/// roundings of a fold of the scale (spec/deltas.md, DC4).
struct FactorRounding: Hashable {
  /// The change relative to an element.
  let relative: Double
  /// The change of an element near zero.
  let floor: Double

  /// The rounding between the dtypes of two files; other dtypes than those that are computed in count as
  /// F32.
  init(_ left: DType, _ right: DType) {
    let formats = [left, right].map { FloatFormat($0) ?? .float32 }
    let bits = formats.map(\.significandBitCount).min() ?? 24
    // A folded scale is itself rounded, and so is its product with an element before the last rounding.
    relative = Self.power(-bits) + 2 * Self.power(-max(24, bits))
    floor = formats.map { Self.power($0.smallestExponent) / 2 }.max() ?? 0
  }

  private static func power(_ exponent: Int) -> Double {
    FactoredSVD.scale(1, by: exponent)
  }
}

extension FactorRounding {
  /// The bits of the significand of a dtype, as `init` counts them.
  static func bitCount(of dtype: DType) -> Int {
    (FloatFormat(dtype) ?? .float32).significandBitCount
  }
}
