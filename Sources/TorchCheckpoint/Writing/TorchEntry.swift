// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// An entry of the dict in a torch file.
public struct TorchEntry: Hashable, Sendable {
  /// The Python type of the value.
  public enum Kind: Hashable, Sendable {
    /// A `torch.Tensor` that requires no gradient.
    case tensor
    /// A `torch.nn.Parameter`.
    case parameter(requiresGradient: Bool)
  }

  /// The name, dtype and shape.
  public let tensor: TensorInfo
  /// The Python type.
  public let kind: Kind

  /// Describes an entry.
  public init(_ tensor: TensorInfo, kind: Kind = .tensor) {
    self.tensor = tensor
    self.kind = kind
  }
}
