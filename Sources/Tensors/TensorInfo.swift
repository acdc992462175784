// SPDX-License-Identifier: Apache-2.0

/// The description of a tensor, without its data.
public struct TensorInfo: Hashable, Sendable {
  /// The name, unique in its archive.
  public let name: TensorName
  /// The element type.
  public let dtype: DType
  /// The shape.
  public let shape: Shape
  /// The size of the data in bytes, equal to `Shape.byteCount(of:)`.
  public let byteCount: Int
  /// The range of the data in the archive's data section, in formats that have one.
  public let dataOffsets: Range<Int>?

  /// Creates a description; `byteCount` must have been checked.
  public init(
    name: TensorName, dtype: DType, shape: Shape, byteCount: Int, dataOffsets: Range<Int>?
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.byteCount = byteCount
    self.dataOffsets = dataOffsets
  }

  /// Describes a tensor that is not yet in a file.
  ///
  /// - Throws: `malformed`, with the tensor's name, when the size exceeds 64 bits or is not in whole
  ///   bytes.
  public init(name: TensorName, dtype: DType, shape: Shape) throws(CheckpointError) {
    do throws(CheckpointError) {
      let byteCount = try shape.byteCount(of: dtype)
      self.init(name: name, dtype: dtype, shape: shape, byteCount: byteCount, dataOffsets: nil)
    } catch {
      throw error.naming(tensor: name)
    }
  }

  /// The number of elements, which fits, since the size in bytes has been checked.
  public var elementCount: Int {
    Int(clamping: shape.elementCount ?? 0)
  }
}
