// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import PEFT
internal import Tensors

extension ComputedTensor {
  /// Creates a tensor from values, each rounded to a format.
  ///
  /// - Throws: `malformed` when the shape has no size in bytes, and `unsupported` for a value beyond
  ///   the range of the format.
  init(
    _ tensor: MultitaskPromptTensor, shape: Shape, values: [Double], format: FloatFormat
  ) throws(CheckpointError) {
    let bytes = format.bytes(rounding: values)
    if let place = format.values(of: bytes.span.rawBytes).firstIndex(where: { !$0.isFinite }) {
      throw CheckpointError(
        .unsupported, "the value \(values[place]) at element \(place) does not fit \(format)",
        tensor: tensor.name)
    }
    try self.init(tensor.name, dtype: format.dtype, shape: shape, bytes: bytes)
  }

  /// Creates a tensor of normally distributed F32 numbers, which are drawn when the data is used.
  init(
    drawing tensor: MultitaskPromptTensor, shape: Shape, from generator: SeededNormalGenerator,
    deviation: Double
  ) throws(CheckpointError) {
    let count = try TensorInfo(name: tensor.name, dtype: .float32, shape: shape).elementCount
    try self.init(tensor.name, dtype: .float32, shape: shape) { sink throws(CheckpointError) in
      var generator = generator
      var left = count
      while left > 0 {
        let chunk = min(left, Self.chunkElementCount)
        let bytes = FloatFormat.float32.bytes(
          rounding: (0..<chunk).map { _ in deviation * generator.next() })
        try sink(bytes.span.rawBytes)
        left -= chunk
      }
    }
  }

  private static let chunkElementCount = 1 << 15
}
