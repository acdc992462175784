/// The extents of a tensor, outermost first; no extents at all is a scalar.
///
/// Extents are unsigned 64-bit numbers, as in a file: `[0, 18446744073709551615]` is a valid, empty
/// shape.
public struct Shape: Hashable, Sendable {
  /// The extents, outermost (slowest varying) first.
  public var dimensions: [UInt]

  /// Makes a shape of these extents, outermost first.
  public init(_ dimensions: [UInt]) {
    self.dimensions = dimensions
  }

  /// Makes a shape of these extents, outermost first. A negative extent is a caller's bug and traps.
  public init(_ dimensions: [Int]) {
    self.dimensions = dimensions.map { UInt($0) }
  }

  /// The number of extents: 0 for a scalar.
  public var rank: Int { dimensions.count }

  /// The number of elements, multiplied up from the outermost extent; 1 for a scalar.
  ///
  /// - Returns: nil when an intermediate product exceeds 64 bits, as the reference counts.
  /// - Complexity: O(rank).
  public var elementCount: UInt? {
    Self.elementCount(of: dimensions.span)
  }

  /// The same for extents that stand elsewhere.
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

  /// The bytes that a tensor of this shape and dtype takes. The one size computation of the package.
  ///
  /// - Throws: `malformed` when the size exceeds 64 bits, or a sub-byte dtype ends inside a byte.
  /// - Complexity: O(rank).
  public func byteCount(of dtype: DType) throws(CheckpointError) -> Int {
    try Self.byteCount(of: dtype, dimensions: dimensions.span)
  }

  /// The same for extents that stand elsewhere, such as in the flat table of a header.
  @inlinable
  public static func byteCount(
    of dtype: DType, dimensions: Span<UInt>
  ) throws(CheckpointError) -> Int {
    guard let elements = elementCount(of: dimensions) else {
      throw .malformed("the shape has more elements than 64 bits can count")
    }
    let (bits, overflow) = elements.multipliedReportingOverflow(by: UInt(dtype.bitCount))
    guard !overflow else {
      throw .malformed("the shape takes more bits than 64 bits can count")
    }
    guard bits & 7 == 0 else { throw partialByte(elements, dtype) }
    return Int(bits / 8)
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

  /// The extents as Python prints a list, for example `[2, 8, 1]`.
  public var description: String {
    "[" + dimensions.map { String($0) }.joined(separator: ", ") + "]"
  }
}
