// SPDX-License-Identifier: Apache-2.0

/// The shape of a tensor: its dimensions, outermost first; a scalar has none.
///
/// Dimensions are unsigned 64-bit numbers, as in files: `[0, 18446744073709551615]` is a valid,
/// empty shape.
public struct Shape: Hashable, Sendable {
  /// The dimensions, outermost (slowest varying) first.
  public var dimensions: [UInt]

  /// Creates a shape of dimensions, outermost first.
  public init(_ dimensions: [UInt]) {
    self.dimensions = dimensions
  }

  /// Creates a shape of dimensions, outermost first. A negative one is a programming error and
  /// traps.
  public init(_ dimensions: [Int]) {
    self.dimensions = dimensions.map { UInt($0) }
  }

  /// The number of dimensions: 0 for a scalar.
  public var rank: Int { dimensions.count }

  /// The number of elements, multiplied from the outermost dimension; 1 for a scalar.
  ///
  /// - Returns: nil when an intermediate product exceeds 64 bits, as in the reference implementation.
  /// - Complexity: O(rank).
  public var elementCount: UInt? {
    Self.elementCount(of: dimensions.span)
  }

  /// The same for borrowed dimensions.
  @inlinable
  public static func elementCount(of dimensions: Span<UInt>) -> UInt? {
    var product: UInt = 1
    for index in dimensions.indices {
      let (next, overflow) = product.multipliedReportingOverflow(by: dimensions[index])
      guard !overflow else { return nil }
      product = next
    }
    return product
  }

  /// The size in bytes of a tensor of this shape and dtype. All sizes of the package are computed
  /// here.
  ///
  /// - Throws: `malformed` when the size exceeds 64 bits, a sub-byte dtype ends inside a byte, or the
  ///   rows are not whole blocks of a quantized dtype.
  /// - Complexity: O(rank).
  public func byteCount(of dtype: DType) throws(CheckpointError) -> Int {
    try Self.byteCount(of: dtype, dimensions: dimensions.span)
  }

  /// The same for borrowed dimensions, such as those in the flat table of a header.
  @inlinable
  public static func byteCount(
    of dtype: DType, dimensions: Span<UInt>
  ) throws(CheckpointError) -> Int {
    guard let elements = elementCount(of: dimensions) else {
      throw .malformed("the shape has more elements than 64 bits can count")
    }
    guard !dtype.isQuantized else {
      let row = dimensions.isEmpty ? 1 : dimensions[dimensions.count - 1]
      return try blockByteCount(elements, dtype, row: row)
    }
    let (bits, overflow) = elements.multipliedReportingOverflow(by: UInt(dtype.bitCount))
    guard !overflow else {
      throw .malformed("the shape takes more bits than 64 bits can count")
    }
    guard bits & 7 == 0 else { throw partialByte(elements, dtype) }
    return Int(bits / 8)
  }

  /// The size in bytes of elements that are stored in blocks along rows of `row` elements.
  @inline(never)
  @usableFromInline
  static func blockByteCount(
    _ elements: UInt, _ dtype: DType, row: UInt
  ) throws(CheckpointError) -> Int {
    let block = dtype.block
    guard row.isMultiple(of: UInt(block.elementCount)) else {
      throw .malformed(
        "rows of \(row) elements do not fill whole blocks of \(dtype), "
          + "which have \(block.elementCount)")
    }
    let (bytes, overflow) = (elements / UInt(block.elementCount))
      .multipliedReportingOverflow(by: UInt(block.byteCount))
    guard !overflow, let byteCount = Int(exactly: bytes) else {
      throw .malformed("the shape takes more bytes than 64 bits can count")
    }
    return byteCount
  }

  @inline(never)
  @usableFromInline
  static func partialByte(_ elements: UInt, _ dtype: DType) -> CheckpointError {
    .malformed("\(elements) elements of \(dtype.name) do not fill whole bytes")
  }
}

extension Shape: ExpressibleByArrayLiteral, CustomStringConvertible {
  public init(arrayLiteral elements: UInt...) {
    self.init(elements)
  }

  /// The dimensions as Python prints a list, for example `[2, 8, 1]`.
  public var description: String {
    "[" + dimensions.map { String($0) }.joined(separator: ", ") + "]"
  }
}
