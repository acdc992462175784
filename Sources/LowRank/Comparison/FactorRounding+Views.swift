// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import Tensors

extension FactorRounding {
  /// The number of elements that are compared at a time; they stay in the nearest caches.
  private static let blockCount = 4096

  /// Compares two factors of one layout without reading them into memory.
  ///
  /// - Returns: nil for views of different layouts, sizes, or dtypes that are not computed in.
  /// - Throws: what reading throws.
  /// - Complexity: O(elements), and O(1) for most unequal factors.
  func agreement(
    _ left: FactorView, _ leftScale: Double, _ right: FactorView, _ rightScale: Double
  ) throws(CheckpointError) -> FactorAgreement? {
    guard left.sizes == right.sizes, let leftFormat = FloatFormat(left.dtype),
      let rightFormat = FloatFormat(right.dtype), let steps = left.contiguousSteps,
      let rightSteps = right.contiguousSteps, steps == rightSteps
    else { return nil }
    let floor = floor * max(leftScale.magnitude, rightScale.magnitude)
    let count = left.elementCount
    return try left.withElements { first throws(CheckpointError) in
      try right.withElements { second throws(CheckpointError) in
        var isExact = true
        var done = 0
        while done < count {
          let end = min(done + Self.blockCount, count)
          let x = [Double](first, done..<end, from: leftFormat)
          let y = [Double](second, done..<end, from: rightFormat)
          switch compare(x.span, leftScale, y.span, rightScale, floor: floor) {
          case .exact: break
          case .rounded: isExact = false
          case .none: return FactorAgreement.none
          }
          done = end
        }
        return isExact ? .exact : .rounded
      }
    }
  }

  /// Compares elements, all of them, so that the loop has no branches.
  private func compare(
    _ left: Span<Double>, _ leftScale: Double, _ right: Span<Double>, _ rightScale: Double,
    floor: Double
  ) -> FactorAgreement {
    precondition(left.count == right.count)
    var (differs, fails) = (false, false)
    for index in left.indices {
      // SAFETY: the index is one of the left span, and both have one length.
      let x = unsafe left[unchecked: index] * leftScale
      let y = unsafe right[unchecked: index] * rightScale
      let size = x.magnitude > y.magnitude ? x.magnitude : y.magnitude
      differs = differs || x != y
      // NaN fails, too.
      fails = fails || !((x - y).magnitude <= relative * size + floor)
    }
    return differs ? (fails ? .none : .rounded) : .exact
  }
}

extension [Double] {
  /// The values of a range of elements.
  fileprivate init(_ bytes: RawSpan, _ range: Range<Int>, from format: FloatFormat) {
    let size = format.byteCount
    self.init(
      bytes.extracting(range.lowerBound * size..<range.upperBound * size), from: format,
      rounding: .float64)
  }
}
