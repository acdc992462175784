// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// A sum of products of matrices with one of few columns, such as a matrix times random vectors.
///
/// Each element is summed in the order in which terms are added; the bits are the same at every
/// instruction set, and do not depend on the division into blocks.
package struct ThinProduct: Sendable {
  /// The number of rows.
  package let rowCount: Int
  /// The number of columns, a multiple of 8.
  package let width: Int
  /// The elements, row-major.
  package private(set) var values: [Double]

  /// Begins with zeros.
  ///
  /// - Parameter width: a multiple of 8; another one traps.
  package init(rowCount: Int, width: Int) {
    precondition(width.isMultiple(of: 8), "the columns fill vectors")
    self.rowCount = rowCount
    self.width = width
    values = [Double](repeating: 0, count: rowCount * width)
  }

  /// Adds the product of a block and rows of a matrix to some rows.
  ///
  /// - Parameters:
  ///   - block: [count, depth], row-major; transposed, [depth, count].
  ///   - isTransposed: whether the block is multiplied transposed.
  ///   - rows: the rows that are added to; their number is that of the block's.
  ///   - depth: the number of terms of each element.
  ///   - right: a matrix of the same width, row-major.
  ///   - first: the row of it that the first term has.
  ///   - implementation: the kernels to use; the fastest that this CPU has by default.
  /// - Complexity: O(rows · depth · width).
  package mutating func add(
    _ block: [Double], isTransposed: Bool = false, to rows: Range<Int>, depth: Int,
    times right: [Double], from first: Int = 0,
    implementation: KernelImplementation = .automatic
  ) {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= rowCount && depth >= 0 && first >= 0
        && block.count >= rows.count * depth && right.count >= (first + depth) * width,
      "a block of as many rows, and a row for each of its columns")
    guard depth > 0, !rows.isEmpty, width > 0 else { return }
    let (rowStep, step) = isTransposed ? (1, rows.count) : (depth, 1)
    guard let set = implementation.instructionSet else {
      return addByReference(block, rowStep, step, rows, depth, right, first)
    }
    // SAFETY: the counts of all three arrays were checked above.
    unsafe values.withUnsafeMutableBufferPointer { values in
      unsafe block.withUnsafeBufferPointer { block in
        unsafe right.withUnsafeBufferPointer { right in
          guard let v = values.baseAddress, let b = block.baseAddress, let r = right.baseAddress
          else { return }
          var job = unsafe ck_thin_job(
            matrix: b, right: r + first * width, out: v + rows.lowerBound * width,
            rows: rows.count, depth: depth, width: width, row_step: rowStep, step: step)
          unsafe ck_thin_product(&job, set.rawValue)
        }
      }
    }
  }

  private mutating func addByReference(
    _ block: [Double], _ rowStep: Int, _ step: Int, _ rows: Range<Int>, _ depth: Int,
    _ right: [Double], _ first: Int
  ) {
    for row in 0..<rows.count {
      for column in 0..<width {
        let place = (rows.lowerBound + row) * width + column
        for t in 0..<depth {
          values[place] += right[(first + t) * width + column] * block[row * rowStep + t * step]
        }
      }
    }
  }
}
