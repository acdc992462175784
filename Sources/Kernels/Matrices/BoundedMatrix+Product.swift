// SPDX-License-Identifier: Apache-2.0
internal import CKernels

extension BoundedMatrix {
  /// The product of two matrices, in which the left one is exact.
  ///
  /// Each element is summed in ascending order; the bits are the same at every instruction set.
  ///
  /// - Parameters:
  ///   - right: a matrix with as many rows as this one has columns; another one traps. Both are
  ///     extended or both are not.
  ///   - implementation: the kernels to use; the fastest that this CPU has by default.
  /// - Complexity: O(rows · rank · width).
  public func multiplied(
    by right: BoundedMatrix, implementation: KernelImplementation = .automatic
  ) -> BoundedMatrix {
    precondition(right.rowCount == width, "the left matrix has a column for each row of the right")
    precondition(lower.isEmpty == right.lower.isEmpty || values.isEmpty || right.values.isEmpty)
    let count = rowCount * right.width
    var product = BoundedMatrix(
      rowCount: rowCount, width: right.width, values: [Double](repeating: 0, count: count),
      lower: [Double](repeating: 0, count: lower.isEmpty ? 0 : count),
      magnitudes: [Double](repeating: 0, count: count))
    if count > 0, width > 0 {
      if let set = implementation.instructionSet {
        product.fill(from: self, right, instructionSet: set)
      } else {
        product.fillByReference(from: self, right)
      }
    }
    product.roundings = roundings + right.roundings + width
    product.underflows =
      Double(width)
      * Self.underflows(of: self, right, largest: (largest, right.largest))
    product.peak = max(peak, right.peak, product.largest)
    return product
  }

  /// The error by underflow of a product of two elements, in units of η.
  static func underflows(
    of left: BoundedMatrix, _ right: BoundedMatrix, largest: (left: Double, right: Double)
  ) -> Double {
    // An error of zero stays zero beside an infinite factor.
    let byLeft = left.underflows == 0 ? 0 : left.underflows * largest.right
    let byRight = right.underflows == 0 ? 0 : right.underflows * largest.left
    return byLeft + byRight + left.underflows * right.underflows * 0x1p-149 + 1
  }

  private mutating func fill(
    from left: BoundedMatrix, _ right: BoundedMatrix, instructionSet: InstructionSet
  ) {
    let isExtended = !lower.isEmpty
    // SAFETY: the counts are those of the arrays: `multiplied` made this matrix from the rows of the
    // left and the width of the right, whose rows are as many as the left has columns.
    unsafe values.withUnsafeMutableBufferPointer { values in
      unsafe lower.withUnsafeMutableBufferPointer { lower in
        unsafe magnitudes.withUnsafeMutableBufferPointer { magnitudes in
          unsafe left.values.withUnsafeBufferPointer { leftValues in
            unsafe left.lower.withUnsafeBufferPointer { leftLower in
              unsafe right.values.withUnsafeBufferPointer { rightValues in
                unsafe right.lower.withUnsafeBufferPointer { rightLower in
                  unsafe right.magnitudes.withUnsafeBufferPointer { rightMagnitudes in
                    guard let v = values.baseAddress, let m = magnitudes.baseAddress,
                      let l = leftValues.baseAddress, let r = rightValues.baseAddress,
                      let s = rightMagnitudes.baseAddress
                    else { return }
                    var job = unsafe ck_product_job(
                      left: l, left_lower: isExtended ? leftLower.baseAddress : nil, right: r,
                      right_lower: isExtended ? rightLower.baseAddress : nil,
                      right_magnitudes: s, values: v,
                      lower: isExtended ? lower.baseAddress : nil, magnitudes: m,
                      rows: left.rowCount, rank: left.width, width: right.width)
                    unsafe ck_product(&job, instructionSet.rawValue)
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private mutating func fillByReference(from left: BoundedMatrix, _ right: BoundedMatrix) {
    for row in 0..<rowCount {
      for column in 0..<width {
        var sum = ExtendedFloat(0)
        var magnitude = 0.0
        for r in 0..<left.width {
          let (a, b) = (row * left.width + r, r * width + column)
          magnitude += left.values[a].magnitude * right.magnitudes[b]
          if lower.isEmpty {
            sum.high += left.values[a] * right.values[b]
          } else {
            sum.add(
              ExtendedFloat(left.values[a], left.lower[a]),
              times: ExtendedFloat(right.values[b], right.lower[b]))
          }
        }
        let place = row * width + column
        if !lower.isEmpty { sum.normalize() }
        values[place] = sum.high
        if !lower.isEmpty { lower[place] = sum.low }
        magnitudes[place] = magnitude
      }
    }
  }
}
