/// What an archive says of one tensor, lent for a look.
///
/// A `TensorInfo` has a name and a shape of its own, which take longer to make than all else that is done
/// with one of 100,000 tensors in a listing.
public struct TensorDescription: ~Escapable {
  /// The name, in UTF-8.
  public let name: Span<UInt8>
  /// The element type.
  public let dtype: DType
  /// The extents, outermost first.
  public let dimensions: Span<UInt>
  /// The size of the data in bytes, as `Shape.byteCount(of:)` gives it.
  public let byteCount: Int
  /// Where the data stands in the archive's data section, in formats that have one.
  public let dataOffsets: Range<Int>?

  /// Describes a tensor whose size has been checked.
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

  /// The number of elements. The size in bytes has been checked, so that it exists and fits.
  public var elementCount: Int {
    Int(clamping: Shape.elementCount(of: dimensions) ?? 0)
  }
}
