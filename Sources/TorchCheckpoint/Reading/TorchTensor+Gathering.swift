// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

extension ElementTransform {
  /// The change of elements that are read.
  init(_ tensor: TorchTensor, swapsBytes: Bool) {
    let isInteger =
      switch tensor.dtype {
      case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: true
      default: false
      }
    self.init(
      componentByteCount: tensor.torchDType.componentByteCount, swapsBytes: swapsBytes,
      isNegated: tensor.isNegated, isConjugated: tensor.isConjugated, isInteger: isInteger)
  }
}
