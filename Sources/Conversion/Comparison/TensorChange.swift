public import Kernels
public import Tensors

/// A tensor that two checkpoints hold under one name, and not the same.
public struct TensorChange: Sendable {
  /// The tensor on the left.
  public let left: TensorInfo
  /// The tensor on the right.
  public let right: TensorInfo
  /// How the elements differ; nil for two shapes, and for two dtypes of which not both are F64, F32,
  /// BF16 or F16.
  public let elements: ElementDifferences?

  /// The name of both.
  public var name: TensorName { left.name }

  /// The position of an element in a tensor of the left shape, outermost axis first.
  ///
  /// - Parameter index: its place in row-major order, inside the tensor.
  /// - Complexity: O(rank).
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
