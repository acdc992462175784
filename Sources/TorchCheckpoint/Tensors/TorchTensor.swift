// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// A tensor: a view of a storage.
struct TorchTensor: Sendable {
  /// The dtype.
  let dtype: DType
  /// The dtype in torch.
  let torchDType: TorchDType
  /// The dimensions: those of torch, in which two elements that share a byte count once, with these
  /// counted as two.
  let shape: Shape
  /// The size of the data in bytes.
  let byteCount: Int
  /// The index of the storage.
  let storage: Int
  /// The offset of the first element in the storage, in bytes.
  let start: Int
  /// The strides along torch's dimensions, in elements; nil for contiguous elements.
  let strides: [Int]?
  /// Whether the imaginary parts must be negated.
  let isConjugated: Bool
  /// Whether the elements must be negated.
  let isNegated: Bool

  /// Whether the data is a range of the storage's bytes, except for their order.
  var isContiguous: Bool { strides == nil && !isConjugated && !isNegated }

  /// The dimensions in torch.
  var sizes: [Int] {
    var sizes = shape.dimensions.map { Int(clamping: $0) }
    if dtype == .float4E2M1, !sizes.isEmpty { sizes[sizes.count - 1] /= 2 }
    return sizes
  }
}

extension TorchTensor {
  /// Two tensors are the same view when these agree.
  struct Identity: Hashable {
    let storage: Int
    let start: Int
    let dtype: TorchDType
    let shape: Shape
    let strides: [Int]?
    let flags: Int
  }

  var identity: Identity {
    Identity(
      storage: storage, start: start, dtype: torchDType, shape: shape, strides: strides,
      flags: (isConjugated ? 1 : 0) | (isNegated ? 2 : 0))
  }
}
