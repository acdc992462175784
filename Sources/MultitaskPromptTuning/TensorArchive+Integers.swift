// SPDX-License-Identifier: Apache-2.0
package import Archives
internal import Files
package import Tensors

extension TensorArchive {
  /// The values of an I64 tensor.
  ///
  /// - Parameter shape: the shape that it must have; nil for any list.
  /// - Throws: `mismatch`, naming the tensor, for another dtype or shape.
  /// - Complexity: O(elements).
  package func integers(at index: Int, shape: Shape?) throws(CheckpointError) -> [Int] {
    let info = tensor(at: index)
    guard info.dtype == .int64 else {
      throw CheckpointError(
        .mismatch, "must be I64, but is \(info.dtype)", path: path, tensor: info.name)
    }
    guard shape.map({ $0 == info.shape }) ?? (info.shape.rank == 1) else {
      let expected = shape?.description ?? "one dimension"
      throw CheckpointError(
        .mismatch, "must have \(expected), but has the shape \(info.shape)", path: path,
        tensor: info.name)
    }
    return try withTensor(at: index) { view throws(CheckpointError) in
      var reader = ByteReader(view.bytes)
      var values: [Int] = []
      values.reserveCapacity(info.elementCount)
      for _ in 0..<info.elementCount {
        values.append(Int(try reader.readLittleEndian(Int64.self)))
      }
      return values
    }
  }
}
