public import Tensors

/// Something in a file that is no tensor, or a tensor that nothing here can hold.
public struct SkippedItem: Sendable, Hashable {
  /// The name, unique among the tensors and skipped items of its archive.
  public let name: TensorName
  /// What it is, for example `int`, `str`, `complex128 tensor`, `sparse_coo tensor`.
  public let type: String
  /// Whether it is a tensor, so that leaving it out loses weights.
  public let isTensor: Bool
  /// The extents of a tensor, where they are known.
  public let shape: Shape?

  /// Describes an item.
  public init(name: TensorName, type: String, isTensor: Bool, shape: Shape? = nil) {
    self.name = name
    self.type = type
    self.isTensor = isTensor
    self.shape = shape
  }
}
