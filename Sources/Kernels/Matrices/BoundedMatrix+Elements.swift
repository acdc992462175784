// SPDX-License-Identifier: Apache-2.0

extension BoundedMatrix {
  /// The product of two matrices of one size, element by element.
  ///
  /// - Complexity: O(elements).
  public func multiplied(elementwise other: BoundedMatrix) -> BoundedMatrix {
    precondition(rowCount == other.rowCount && width == other.width, "matrices of one size")
    var product = combined(with: other, by: *, *)
    for place in magnitudes.indices {
      product.magnitudes[place] = magnitudes[place] * other.magnitudes[place]
    }
    product.roundings = roundings + other.roundings + 1
    product.underflows = Self.underflows(
      of: self, other, largest: (largest, other.largest))
    product.peak = max(peak, other.peak, product.largest)
    return product
  }

  /// The sum of two matrices of one size.
  ///
  /// - Complexity: O(elements).
  public func adding(_ other: BoundedMatrix) -> BoundedMatrix {
    precondition(rowCount == other.rowCount && width == other.width, "matrices of one size")
    var sum = combined(with: other, by: +, +)
    for place in magnitudes.indices {
      sum.magnitudes[place] = magnitudes[place] + other.magnitudes[place]
    }
    sum.roundings = max(roundings, other.roundings) + 1
    sum.underflows = underflows + other.underflows
    sum.peak = max(peak, other.peak, sum.largest)
    return sum
  }

  /// The matrix times a number that is itself rounded to the dtype of the computation.
  ///
  /// - Complexity: O(elements).
  public func scaled(by scale: Double) -> BoundedMatrix {
    var scaled = self
    let factor = ExtendedFloat(scale)
    for place in values.indices {
      scaled.magnitudes[place] *= scale.magnitude
      guard !lower.isEmpty else {
        scaled.values[place] *= scale
        continue
      }
      let product = ExtendedFloat(values[place], lower[place]) * factor
      (scaled.values[place], scaled.lower[place]) = (product.high, product.low)
    }
    scaled.roundings += 2
    scaled.underflows = underflows * scale.magnitude + 1
    scaled.peak = max(peak, scaled.largest)
    return scaled
  }

  /// The Kronecker product: each row of the result is every element of a row of this matrix times a
  /// row of the other one, which changes the fastest.
  ///
  /// - Complexity: O(elements of the result).
  public func kronecker(_ other: BoundedMatrix) -> BoundedMatrix {
    let count = values.count * other.values.count
    var product = BoundedMatrix(
      rowCount: rowCount * other.rowCount, width: width * other.width,
      values: [Double](repeating: 0, count: count),
      lower: [Double](repeating: 0, count: lower.isEmpty ? 0 : count),
      magnitudes: [Double](repeating: 0, count: count))
    for row in 0..<product.rowCount {
      let (leftRow, rightRow) = row.quotientAndRemainder(dividingBy: other.rowCount)
      var place = row * product.width
      for left in leftRow * width..<(leftRow + 1) * width {
        for right in rightRow * other.width..<(rightRow + 1) * other.width {
          product.magnitudes[place] = magnitudes[left] * other.magnitudes[right]
          if lower.isEmpty {
            product.values[place] = values[left] * other.values[right]
          } else {
            let value =
              ExtendedFloat(values[left], lower[left])
              * ExtendedFloat(other.values[right], other.lower[right])
            (product.values[place], product.lower[place]) = (value.high, value.low)
          }
          place += 1
        }
      }
    }
    product.roundings = roundings + other.roundings + 1
    product.underflows = Self.underflows(of: self, other, largest: (largest, other.largest))
    product.peak = max(peak, other.peak, product.largest)
    return product
  }

  private func combined(
    with other: BoundedMatrix, by operation: (Double, Double) -> Double,
    _ extended: (ExtendedFloat, ExtendedFloat) -> ExtendedFloat
  ) -> BoundedMatrix {
    var result = self
    for place in values.indices {
      guard !lower.isEmpty else {
        result.values[place] = operation(values[place], other.values[place])
        continue
      }
      let value = extended(
        ExtendedFloat(values[place], lower[place]),
        ExtendedFloat(other.values[place], other.lower[place]))
      (result.values[place], result.lower[place]) = (value.high, value.low)
    }
    return result
  }
}
