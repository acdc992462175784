// SPDX-License-Identifier: Apache-2.0
public import Kernels
public import Tensors

/// Two different tensors with the same name in two checkpoints.
public struct TensorChange: Sendable {
  /// The tensor on the left.
  public let left: TensorInfo
  /// The tensor on the right.
  public let right: TensorInfo
  /// The differences of the elements; nil for different shapes, and for different dtypes unless
  /// both are F64, F32, BF16 or F16.
  public let elements: ElementDifferences?

  /// The number of elements that are compared; of quantized dtypes, of blocks.
  public var comparedCount: Int {
    left.dtype.isQuantized
      ? left.elementCount / left.dtype.block.elementCount : left.elementCount
  }

  /// The name of both.
  public var name: TensorName { left.name }

  /// The position of an element in a tensor of the left shape, outermost dimension first.
  ///
  /// - Parameter index: the index of the element in row-major order, within the tensor.
  /// - Complexity: O(dimensions).
  public func position(of index: Int) -> [UInt] {
    var rest = UInt(index)
    var position: [UInt] = []
    for extent in left.shape.dimensions.reversed() {
      position.append(rest % extent)
      rest /= extent
    }
    return position.reversed()
  }
}
