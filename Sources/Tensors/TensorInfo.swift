// SPDX-License-Identifier: Apache-2.0

/// The description of a tensor, without its data.
public struct TensorInfo: Hashable, Sendable {
  /// The name, unique in its archive.
  public let name: TensorName
  /// The element type.
  public let dtype: DType
  /// The shape.
  public let shape: Shape
  /// The size of the data in bytes, as `Shape.byteCount(of:)` gives it.
  public let byteCount: Int
  /// The range of the data in the archive's data section, in formats that have one.
  public let dataOffsets: Range<Int>?

  /// Describes a tensor whose size has been checked.
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
  /// - Throws: `malformed`, naming the tensor, when the shape has no size in bytes.
  public init(name: TensorName, dtype: DType, shape: Shape) throws(CheckpointError) {
    do throws(CheckpointError) {
      let byteCount = try shape.byteCount(of: dtype)
      self.init(name: name, dtype: dtype, shape: shape, byteCount: byteCount, dataOffsets: nil)
    } catch {
      throw error.naming(tensor: name)
    }
  }

  /// The number of elements. The size in bytes has been checked, so that it exists and fits.
  public var elementCount: Int {
    Int(clamping: shape.elementCount ?? 0)
  }
}
