// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// The header of a toy file, and the places of the data behind it.
struct ToyHeader {
  /// The bytes that a file begins with.
  static let magic = Array("TOYTENS\n".utf8)
  private static let prefixByteCount = magic.count + 8
  private static let largestText = 1 << 24

  /// The tensors, in the order of their data.
  let tensors: [TensorInfo]
  /// The first bytes of the file, up to the data.
  let bytes: [UInt8]
  /// The bytes of each tensor in the file.
  let ranges: [Range<Int>]

  /// The size of the file in bytes.
  var fileByteCount: Int { ranges.last?.upperBound ?? bytes.count }

  /// Encodes the header of a file with these tensors.
  ///
  /// - Throws: `unsupported` for a name of several lines and for a file beyond 2^63 bytes.
  init(encoding tensors: [TensorInfo]) throws(CheckpointError) {
    var text = ""
    for tensor in tensors {
      guard !tensor.name.string.utf8.contains(0x0A) else {
        throw CheckpointError(
          .unsupported, "has a name of several lines", tensor: tensor.name)
      }
      let dimensions = tensor.shape.dimensions.map(String.init).joined(separator: ",")
      text += "\(tensor.dtype.name) \(dimensions) \(tensor.name.string)\n"
    }
    let size = UInt64(text.utf8.count)
    let sizeBytes = (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
    try self.init(tensors, bytes: Self.magic + sizeBytes + Array(text.utf8))
  }

  /// Reads the header of a file.
  ///
  /// - Throws: `truncated` or `malformed` when it is damaged or does not fit the size of the file.
  init(_ file: InputFile) throws(CheckpointError) {
    let prefix = try file.read(at: 0, count: Self.prefixByteCount)
    guard prefix.starts(with: Self.magic) else { throw .malformed("is not a toy file", at: 0) }
    var reader = ByteReader(prefix.span.rawBytes)
    _ = try reader.readBytes(Self.magic.count)
    let size = try reader.readLittleEndian(UInt64.self)
    guard size <= Self.largestText else { throw .malformed("the header is too large", at: 8) }
    let text = try file.read(at: Self.prefixByteCount, count: Int(size))
    var tensors: [TensorInfo] = []
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      tensors.append(try Self.tensor(line))
    }
    try self.init(tensors, bytes: prefix + text)
    guard fileByteCount == file.byteCount else {
      throw .malformed("has \(file.byteCount) bytes where the header gives \(fileByteCount)")
    }
  }

  private init(_ tensors: [TensorInfo], bytes: [UInt8]) throws(CheckpointError) {
    var ranges: [Range<Int>] = []
    var start = bytes.count
    for tensor in tensors {
      let (end, overflow) = start.addingReportingOverflow(tensor.byteCount)
      guard !overflow else {
        throw CheckpointError(.unsupported, "the file has 2^63 bytes or more")
      }
      ranges.append(start..<end)
      start = end
    }
    self.tensors = tensors
    self.bytes = bytes
    self.ranges = ranges
  }

  private static func tensor(_ line: Substring) throws(CheckpointError) -> TensorInfo {
    let fields = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3, let dtype = DType(name: String(fields[0])) else {
      throw .malformed("has a line that describes no tensor")
    }
    var dimensions: [UInt] = []
    for digits in fields[1].split(separator: ",") {
      guard let dimension = UInt(digits) else { throw .malformed("has a malformed shape") }
      dimensions.append(dimension)
    }
    return try TensorInfo(
      name: TensorName(String(fields[2])), dtype: dtype, shape: Shape(dimensions))
  }
}
