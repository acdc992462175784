// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// The columns of a small matrix, which rotations of pairs make orthogonal.
///
/// The bits are the same at every instruction set.
package struct JacobiColumns: Sendable {
  /// The number of columns.
  package let count: Int
  /// The distance of two columns: their length, rounded up to a multiple of 8.
  package let height: Int
  /// The columns, one after the other, with zeros beyond their length.
  package private(set) var columns: [Double]
  /// The distance of two vectors: the number of columns, rounded up to a multiple of 8.
  package let size: Int
  /// The product of the rotations, one column after the other.
  package private(set) var vectors: [Double]

  /// Begins without rotations.
  ///
  /// - Parameters:
  ///   - columns: `count` columns, each of a multiple of 8 numbers, one after the other.
  ///   - count: at least 1.
  package init(_ columns: [Double], count: Int) {
    let height = columns.count / count
    precondition(height.isMultiple(of: 8) && columns.count == height * count, "padded columns")
    self.count = count
    self.height = height
    self.columns = columns
    size = (count + 7) / 8 * 8
    vectors = [Double](repeating: 0, count: size * count)
    for index in 0..<count { vectors[index * size + index] = 1 }
  }

  /// Rotates every pair of columns that are not orthogonal, once.
  ///
  /// - Returns: whether there was such a pair.
  /// - Complexity: O(count² · height).
  package mutating func sweep(implementation: KernelImplementation = .automatic) -> Bool {
    let set = implementation.instructionSet ?? .baseline
    // SAFETY: both arrays have the sizes of the initializer, whose columns are multiples of 8 numbers.
    return unsafe columns.withUnsafeMutableBufferPointer { columns in
      unsafe vectors.withUnsafeMutableBufferPointer { vectors in
        guard let c = columns.baseAddress, let v = vectors.baseAddress else { return false }
        var job = unsafe ck_jacobi_job(
          columns: c, vectors: v, count: count, height: height, size: size)
        return unsafe ck_jacobi_sweep(&job, set.rawValue) > 0
      }
    }
  }
}
