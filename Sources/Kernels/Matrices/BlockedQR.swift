// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// The Householder QR decomposition of a matrix that is given block by block of rows: Q has
/// orthonormal columns, the triangle is upper triangular.
///
/// Memory does not grow with the number of rows unless Q is wanted. The bits are the same at every
/// instruction set; they depend on the division into blocks.
package struct BlockedQR: Sendable {
  /// The reflections of a block of rows.
  struct Block: Sendable {
    /// The rows, [count, stride]; after the reduction, the reflections.
    var rows: [Double]
    /// What the reflections are weighted with: [stride, 8].
    var factors: [Double]
    var count: Int
  }

  /// The number of rows of a block of which the reflections stay in the nearest caches.
  package static let blockRowCount = 64

  /// The number of columns.
  package let width: Int
  /// The distance of two rows in blocks and in the triangle: the width, rounded up to a multiple of 8.
  package let stride: Int
  /// The triangle, [stride, stride], row-major.
  package private(set) var triangle: [Double]

  private let keepsBlocks: Bool
  private let set: InstructionSet?
  private var blocks: [Block] = []
  private var factors: [Double]

  /// Begins with a matrix of no rows.
  ///
  /// - Parameters:
  ///   - width: the number of columns, at least 1.
  ///   - keepsBasis: whether to keep what Q is computed from, as large as the matrix.
  ///   - implementation: the kernels to use; the fastest that this CPU has by default.
  package init(
    width: Int, keepsBasis: Bool = false, implementation: KernelImplementation = .automatic
  ) {
    self.width = width
    stride = (width + 7) / 8 * 8
    triangle = [Double](repeating: 0, count: stride * stride)
    factors = [Double](repeating: 0, count: stride * 8)
    keepsBlocks = keepsBasis
    set = implementation.instructionSet
  }

  /// Adds rows to the end of the matrix.
  ///
  /// - Parameters:
  ///   - rows: `count` rows, `stride` numbers apart, of which those beyond the width are zero. They
  ///     are overwritten; those beyond the width stay zero.
  /// - Complexity: O(rows · width²).
  package mutating func add(_ rows: inout [Double], count: Int) {
    precondition(count >= 0 && rows.count >= count * stride, "rows of the stride of the triangle")
    guard count > 0 else { return }
    if let set {
      reduce(&rows, count: count, set)
    } else {
      ReferenceReflections(stride: stride)
        .reduce(&rows, count: count, triangle: &triangle, factors: &factors)
    }
    if keepsBlocks {
      blocks.append(
        Block(rows: Array(rows[..<(count * stride)]), factors: factors, count: count))
    }
  }

  private mutating func reduce(_ rows: inout [Double], count: Int, _ set: InstructionSet) {
    // SAFETY: the rows have `count` times the stride, checked by the caller; the other two arrays have
    // the sizes of the initializer.
    unsafe rows.withUnsafeMutableBufferPointer { rows in
      unsafe triangle.withUnsafeMutableBufferPointer { triangle in
        unsafe factors.withUnsafeMutableBufferPointer { factors in
          guard let r = rows.baseAddress, let t = triangle.baseAddress, let f = factors.baseAddress
          else { return }
          var block = unsafe ck_qr_block(rows: r, factors: f, count: count, width: stride)
          unsafe ck_qr_reduce(&block, t, set.rawValue)
        }
      }
    }
  }

  /// Q times a matrix of as many rows as the triangle, block by block of its rows.
  ///
  /// - Parameters:
  ///   - matrix: [stride, columns], row-major.
  ///   - columns: a multiple of 8.
  /// - Returns: the product, [rows, columns]; empty if the basis was not kept.
  /// - Complexity: O(rows · width · columns).
  package func basis(times matrix: [Double], columns: Int) -> [Double] {
    precondition(columns.isMultiple(of: 8) && matrix.count == stride * columns)
    var top = matrix
    var parts: [[Double]] = []
    for block in blocks.reversed() {
      var rows = [Double](repeating: 0, count: block.count * columns)
      if let set {
        expand(block, &top, &rows, columns, set)
      } else {
        ReferenceReflections(stride: stride).expand(block, &top, &rows, columns)
      }
      parts.append(rows)
    }
    return parts.reversed().flatMap(\.self)
  }

  private func expand(
    _ block: Block, _ top: inout [Double], _ rows: inout [Double], _ columns: Int,
    _ set: InstructionSet
  ) {
    var kept = block
    // SAFETY: the block was made by `add`, `top` has `stride` and `rows` has `count` rows of `columns`
    // numbers. The block is only read.
    unsafe kept.rows.withUnsafeMutableBufferPointer { v in
      unsafe kept.factors.withUnsafeMutableBufferPointer { factors in
        unsafe top.withUnsafeMutableBufferPointer { top in
          unsafe rows.withUnsafeMutableBufferPointer { rows in
            guard let v = v.baseAddress, let f = factors.baseAddress, let t = top.baseAddress,
              let r = rows.baseAddress
            else { return }
            var block = unsafe ck_qr_block(rows: v, factors: f, count: block.count, width: stride)
            unsafe ck_qr_expand(&block, t, r, columns, set.rawValue)
          }
        }
      }
    }
  }
}
