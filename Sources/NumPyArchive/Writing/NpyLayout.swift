internal import ZipArchive
public import Tensors

/// Where everything goes in an array as `numpy.save` writes it, byte for byte (spec/numpy.md).
public struct NpyLayout: Sendable {
  /// The bytes in front of the data: magic, version 1.0, the dict, its padding.
  public let prefix: [UInt8]
  /// The tensor's data in the file.
  public let dataRange: Range<Int>
  /// Which integers the tensor is written as, where NumPy lacks its dtype.
  public let substitution: NumPySubstitution?

  /// The size of the whole file in bytes.
  public var byteCount: Int { dataRange.upperBound }

  /// NumPy leaves room for a first extent of so many digits, so that arrays can grow in place.
  private static let largestExtentDigits = 21
  private static let alignment = 64

  /// Plans the array of a tensor.
  ///
  /// - Throws: `unsupported`, naming the tensor, for a dtype smaller than a byte and for extents that
  ///   NumPy cannot count.
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
        "has \(extents.count) extents, and NumPy's arrays at most \(NpyHeader.highestRank)",
        tensor: tensor.name)
    }
    guard extents.allSatisfy({ $0 <= UInt(Int.max) }) else {
      throw CheckpointError(
        .unsupported, "the extents are larger than NumPy can count", tensor: tensor.name)
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
    // A newline ends the header, and NumPy pads with a whole line where nothing is missing.
    let unpadded = preambleByteCount + text.utf8.count + 1
    text += String(repeating: " ", count: alignment - unpadded % alignment) + "\n"
    var bytes = NpyHeader.magic + [1, 0]
    // 64 extents of 20 digits are far from what version 1.0 can hold.
    bytes.appendLittleEndian(UInt16(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
    return bytes
  }
}
