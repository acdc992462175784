// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// An item of a file that is not a tensor, or a tensor of an unsupported type.
public struct SkippedItem: Sendable, Hashable {
  /// The name, unique among the tensors and skipped items of its archive.
  public let name: TensorName
  /// The type of the item, for example `int`, `str`, `complex128 tensor`, `sparse_coo tensor`.
  public let type: String
  /// Whether it is a tensor, so that leaving it out loses weights.
  public let isTensor: Bool
  /// The shape of a tensor, if it is known.
  public let shape: Shape?

  /// Describes an item.
  public init(name: TensorName, type: String, isTensor: Bool, shape: Shape? = nil) {
    self.name = name
    self.type = type
    self.isTensor = isTensor
    self.shape = shape
  }
}
