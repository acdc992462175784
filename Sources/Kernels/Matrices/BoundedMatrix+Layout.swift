// SPDX-License-Identifier: Apache-2.0

extension BoundedMatrix {
  /// The matrix with rows and columns exchanged.
  ///
  /// - Complexity: O(elements).
  public var transposed: BoundedMatrix {
    gathered(rowCount: width, width: rowCount) { row, column in column * width + row }
  }

  /// The matrix repeated below and beside itself, and cut to a size.
  ///
  /// - Complexity: O(elements of the result).
  public func tiled(rowCount: Int, width: Int) -> BoundedMatrix {
    gathered(rowCount: rowCount, width: width) { row, column in
      row % self.rowCount * self.width + column % self.width
    }
  }

  /// Some of the columns.
  ///
  /// - Complexity: O(elements of the result).
  public func columns(_ range: Range<Int>) -> BoundedMatrix {
    gathered(rowCount: rowCount, width: range.count) { row, column in
      row * width + range.lowerBound + column
    }
  }

  /// The same elements in rows of another width, which divides their number.
  public func reshaped(width: Int) -> BoundedMatrix {
    let matrix = BoundedMatrix(
      rowCount: values.count / width, width: width, values: values, lower: lower,
      magnitudes: magnitudes)
    return matrix.withError(of: self)
  }

  /// A matrix of chosen elements of this one.
  ///
  /// - Parameters:
  ///   - rowCount: the number of rows of the result.
  ///   - width: the number of its columns.
  ///   - place: the place of an element in this matrix, row-major.
  /// - Complexity: O(elements of the result).
  public func gathered(
    rowCount: Int, width: Int, _ place: (_ row: Int, _ column: Int) -> Int
  ) -> BoundedMatrix {
    var places: [Int] = []
    places.reserveCapacity(rowCount * width)
    for row in 0..<rowCount {
      for column in 0..<width { places.append(place(row, column)) }
    }
    let matrix = BoundedMatrix(
      rowCount: rowCount, width: width, values: places.map { values[$0] },
      lower: lower.isEmpty ? [] : places.map { lower[$0] },
      magnitudes: places.map { magnitudes[$0] })
    return matrix.withError(of: self)
  }

  /// The matrix with each element replaced; what bounds its error is not.
  ///
  /// - Complexity: O(elements).
  public func mapped(_ transform: (_ place: Int, _ value: Double) -> Double) -> BoundedMatrix {
    var matrix = self
    for place in values.indices {
      matrix.values[place] = transform(place, values[place])
      if !lower.isEmpty { matrix.lower[place] = 0 }
    }
    matrix.peak = max(peak, matrix.values.reduce(0) { max($0, $1.magnitude) })
    return matrix
  }

  private func withError(of other: BoundedMatrix) -> BoundedMatrix {
    var matrix = self
    (matrix.roundings, matrix.underflows) = (other.roundings, other.underflows)
    matrix.peak = other.peak
    return matrix
  }
}
