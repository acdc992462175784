// SPDX-License-Identifier: Apache-2.0

/// A borrowed description of a tensor.
///
/// A `TensorInfo` owns its name and shape, whose allocation would dominate a listing of 100,000
/// tensors.
public struct TensorDescription: ~Escapable {
  /// The name, in UTF-8.
  public let name: Span<UInt8>
  /// The element type.
  public let dtype: DType
  /// The dimensions, outermost first.
  public let dimensions: Span<UInt>
  /// The size of the data in bytes, equal to `Shape.byteCount(of:)`.
  public let byteCount: Int
  /// The range of the data in the archive's data section, in formats that have one.
  public let dataOffsets: Range<Int>?

  /// Creates a description; `byteCount` must have been checked.
  @_lifetime(copy name, copy dimensions)
  public init(
    name: Span<UInt8>, dtype: DType, dimensions: Span<UInt>, byteCount: Int,
    dataOffsets: Range<Int>?
  ) {
    self.name = name
    self.dtype = dtype
    self.dimensions = dimensions
    self.byteCount = byteCount
    self.dataOffsets = dataOffsets
  }

  /// The number of elements, which fits, since the size in bytes has been checked.
  public var elementCount: Int {
    Int(clamping: Shape.elementCount(of: dimensions) ?? 0)
  }
}
