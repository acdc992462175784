// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The compression of an npz archive's members.
public enum NpzCompression: String, Sendable, CaseIterable {
  /// Uncompressed, as `numpy.savez` writes them.
  case stored
  /// Compressed by DEFLATE at zlib's default level, as `numpy.savez_compressed` writes them.
  case deflated
}

/// The layout of an npz archive that is to be written (spec/numpy.md).
public struct NpzLayout: Sendable {
  /// The compression of the members.
  public let compression: NpzCompression
  /// The size of the whole file in bytes; nil when compression decides.
  public let byteCount: Int?
  /// The tensors that are written as integers, because NumPy lacks their dtypes.
  public let substitutions: [NumPySubstitution]
  private let offsets: [Int]
  let records: [NpzRecord]

  /// No file system has larger files; the arithmetic up to here cannot overflow.
  private static let largestOffset = 1 << 62

  /// Plans an archive of tensors, in their order.
  ///
  /// - Throws: `malformed`, naming the tensor, when two have one name; `unsupported` for dtypes,
  ///   shapes and names that the format cannot hold, or when the file would be too large.
  /// - Complexity: O(tensors).
  public init(
    tensors: [TensorInfo], compression: NpzCompression = .stored
  ) throws(CheckpointError) {
    try Self.refuseCollisions(tensors)
    var records: [NpzRecord] = []
    records.reserveCapacity(tensors.count)
    var offsets: [Int] = []
    var offset = 0
    for tensor in tensors {
      let record = try NpzRecord(tensor, compression: compression)
      records.append(record)
      offsets.append(offset)
      guard let size = record.storedByteCount, size <= Self.largestOffset - offset else {
        throw CheckpointError(.unsupported, "the tensors take more than 2^62 bytes")
      }
      offset += size
    }
    self.compression = compression
    self.records = records
    self.offsets = offsets
    substitutions = records.compactMap(\.array.substitution)
    guard compression == .stored else {
      byteCount = nil
      return
    }
    let written = zip(records, offsets).map { record, offset in
      NpzRecord.Written(
        headerOffset: offset, storedByteCount: record.array.byteCount, checksum: 0)
    }
    byteCount = offset + NpzRecord.directory(of: records, written, at: offset).count
  }

  /// The range of a tensor's data in the file; nil when it is compressed.
  ///
  /// - Parameter index: the index of the tensor; one out of range is a programming error and traps.
  public func dataRange(of index: Int) -> Range<Int>? {
    let (record, offset) = (records[index], offsets[index])
    guard compression == .stored else { return nil }
    let start = offset + record.localHeaderByteCount
    return start + record.array.dataRange.lowerBound..<start + record.array.dataRange.upperBound
  }

  private static func refuseCollisions(_ tensors: [TensorInfo]) throws(CheckpointError) {
    var names: Set<TensorName> = []
    names.reserveCapacity(tensors.count)
    for tensor in tensors where !names.insert(tensor.name).inserted {
      throw CheckpointError(
        .malformed, "duplicate tensor name", tensor: tensor.name)
    }
    for tensor in tensors
    where names.contains(TensorName(tensor.name.string + NumPyContents.suffix)) {
      // For numpy.load `x.npy` is the member of that name, which is the array `x`.
      throw CheckpointError(
        .unsupported, "another tensor has this name followed by .npy, and NumPy would confuse them",
        tensor: tensor.name)
    }
  }
}
