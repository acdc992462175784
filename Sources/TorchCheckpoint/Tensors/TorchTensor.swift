// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// A tensor as a view of a storage.
struct TorchTensor: Sendable {
  /// The element type elsewhere.
  let dtype: DType
  /// The element type in torch.
  let torchDType: TorchDType
  /// The extents that the archive gives out: those of torch, with two elements to a byte counted
  /// as two.
  let shape: Shape
  /// The size of the data in bytes.
  let byteCount: Int
  /// The index of the storage.
  let storage: Int
  /// The offset of the first element in the storage, in bytes.
  let start: Int
  /// The steps along torch's extents, in elements; nil where the elements stand one after another.
  let strides: [Int]?
  /// Whether the imaginary parts are yet to be negated.
  let isConjugated: Bool
  /// Whether the elements are yet to be negated.
  let isNegated: Bool

  /// Whether the data is a range of the storage's bytes, as it is but for the order of bytes.
  var isContiguous: Bool { strides == nil && !isConjugated && !isNegated }

  /// Torch's extents.
  var sizes: [Int] {
    var sizes = shape.dimensions.map { Int(clamping: $0) }
    if dtype == .float4E2M1, !sizes.isEmpty { sizes[sizes.count - 1] /= 2 }
    return sizes
  }
}

extension TorchTensor {
  /// What makes two tensors the very same view.
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
