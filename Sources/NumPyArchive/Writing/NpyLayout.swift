// SPDX-License-Identifier: Apache-2.0
internal import ZipArchive
public import Tensors

/// The layout of an array file as `numpy.save` writes it, byte for byte (spec/numpy.md).
public struct NpyLayout: Sendable {
  /// The bytes before the data: magic number, version 1.0, the dict, its padding.
  public let prefix: [UInt8]
  /// The range of the data in the file.
  public let dataRange: Range<Int>
  /// The integers that the tensor is written as when NumPy lacks its dtype.
  public let substitution: NumPySubstitution?

  /// The size of the whole file in bytes.
  public var byteCount: Int { dataRange.upperBound }

  /// The digits that NumPy reserves for the first dimension, so that arrays can grow in place.
  private static let largestExtentDigits = 21
  private static let alignment = 64

  /// Plans the array of a tensor.
  ///
  /// - Throws: `unsupported`, naming the tensor, for a dtype smaller than a byte and for dimensions
  ///   beyond NumPy's limits.
  public init(_ tensor: TensorInfo) throws(CheckpointError) {
    guard let dtype = tensor.dtype.inNumPy, let description = dtype.npyDescription else {
      throw CheckpointError(
        .unsupported, "NumPy has no dtype \(tensor.dtype.name), and none of its size",
        tensor: tensor.name)
    }
    let extents = tensor.shape.dimensions
    guard extents.count <= NpyHeader.highestRank else {
      throw CheckpointError(
        .unsupported,
        "has \(extents.count) dimensions, and NumPy's arrays have at most \(NpyHeader.highestRank)",
        tensor: tensor.name)
    }
    guard extents.allSatisfy({ $0 <= UInt(Int.max) }) else {
      throw CheckpointError(
        .unsupported, "the dimensions are larger than NumPy can count", tensor: tensor.name)
    }
    substitution =
      dtype == tensor.dtype
      ? nil : NumPySubstitution(tensor: tensor.name, dtype: tensor.dtype, written: dtype)
    prefix = Self.prefix(description, extents)
    let (end, overflow) = tensor.byteCount.addingReportingOverflow(prefix.count)
    guard !overflow else {
      throw CheckpointError(
        .unsupported, "the file would take 2^63 bytes or more", tensor: tensor.name)
    }
    dataRange = prefix.count..<end
  }

  private static func prefix(_ description: StaticString, _ extents: [UInt]) -> [UInt8] {
    let numbers = extents.map { String($0) }
    // Python writes a tuple of one element with a comma.
    let shape = numbers.joined(separator: ", ") + (numbers.count == 1 ? "," : "")
    var text = "{'descr': '\(description)', 'fortran_order': False, 'shape': (\(shape)), }"
    if let first = numbers.first {
      text += String(repeating: " ", count: largestExtentDigits - first.utf8.count)
    }
    let preambleByteCount = NpyHeader.magic.count + 4
    // A newline ends the header. NumPy adds 64 bytes of padding to a header that is already
    // aligned.
    let unpadded = preambleByteCount + text.utf8.count + 1
    text += String(repeating: " ", count: alignment - unpadded % alignment) + "\n"
    var bytes = NpyHeader.magic + [1, 0]
    // 64 dimensions of 20 digits are far below the limit of version 1.0.
    bytes.appendLittleEndian(UInt16(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
    return bytes
  }
}
