// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The header of an array: its element type, order and dimensions.
package struct NpyHeader: Equatable, Sendable {
  /// The element type.
  package let element: NpyElement
  /// Whether the first dimension varies fastest.
  let isFortranOrder: Bool
  /// The dimensions, outermost first.
  let shape: Shape
  /// The number of bytes before the data.
  package let byteCount: Int

  /// The magic number at the start of every file.
  package static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
  /// The longest text that is read, in bytes; longer ones describe records of very many fields.
  static let largestText = 1 << 16
  /// The largest number of dimensions in NumPy.
  static let highestRank = 64

  /// The size of the data in bytes; nil for Python objects, unknown structured types, and sizes of 2^63
  /// or more.
  package var dataByteCount: Int? {
    guard var size = element.byteCount else { return nil }
    for extent in shape.dimensions {
      guard let extent = Int(exactly: extent) else { return nil }
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      size = product
    }
    return size
  }

  /// Reads a header.
  ///
  /// - Parameters:
  ///   - offset: the offset of the array in the file, nil when it is compressed.
  ///   - read: reads the next bytes; it throws when there are fewer.
  /// - Throws: `malformed`, `unsupported`, and what `read` throws.
  package init(
    at offset: Int?, _ read: (Int) throws(CheckpointError) -> [UInt8]
  ) throws(CheckpointError) {
    let preamble = try read(8)
    guard preamble.starts(with: Self.magic) else {
      throw .malformed("no NumPy array starts here", at: offset)
    }
    let (major, minor) = (preamble[6], preamble[7])
    guard (1...3).contains(major), minor == 0 else {
      throw CheckpointError(
        .unsupported, "has version \(major).\(minor) of NumPy's format; 1.0, 2.0 and 3.0 are known",
        offset: offset.map { $0 + 6 })
    }
    let lengthByteCount = major == 1 ? 2 : 4
    let length = try read(lengthByteCount).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.largestText else {
      throw .malformed(
        "the header's stated length is \(length) bytes, more than the \(Self.largestText) allowed",
        at: offset.map { $0 + 8 })
    }
    let start = 8 + lengthByteCount
    let text = try read(length)
    var parser = NpyHeaderParser(
      text, baseOffset: offset.map { $0 + start }, allowsLongSuffix: major < 3)
    let fields = try parser.parse()
    element = fields.element
    isFortranOrder = fields.isFortranOrder
    shape = Shape(fields.extents)
    byteCount = start + length
  }
}
