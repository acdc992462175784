// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import PEFT
public import Tensors

/// A tensor of a computed adapter: computed, or copied from another file.
public struct ComputedTensor: Sendable {
  /// Name, dtype and shape.
  public let info: TensorInfo
  private let contents: Contents

  private enum Contents: Sendable {
    case bytes([UInt8])
    case archive(any TensorArchive, index: Int)
    case normal(SeededNormalGenerator, deviation: Double)
  }

  /// Creates a tensor from little-endian elements. Another number of bytes traps.
  ///
  /// - Throws: `malformed`, naming the tensor, when the shape has no size in bytes.
  init(
    _ name: TensorName, dtype: DType, shape: Shape, bytes: [UInt8]
  ) throws(CheckpointError) {
    info = try TensorInfo(name: name, dtype: dtype, shape: shape)
    precondition(info.byteCount == bytes.count, "a tensor's bytes must match its shape and dtype")
    contents = .bytes(bytes)
  }

  /// Creates a tensor from values, each rounded to a format.
  ///
  /// - Throws: as above, and `unsupported` for a value beyond the range of the format.
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

  /// Creates a tensor that is copied from an archive, under another name if one is given.
  init(carrying index: Int, of archive: any TensorArchive, as name: TensorName? = nil) {
    let info = archive.tensor(at: index)
    self.info = TensorInfo(
      name: name ?? info.name, dtype: info.dtype, shape: info.shape, byteCount: info.byteCount,
      dataOffsets: nil)
    contents = .archive(archive, index: index)
  }

  /// Creates a tensor of normally distributed F32 numbers, which are drawn when the data is used.
  init(
    drawing tensor: MultitaskPromptTensor, shape: Shape, from generator: SeededNormalGenerator,
    deviation: Double
  ) throws(CheckpointError) {
    info = try TensorInfo(name: tensor.name, dtype: .float32, shape: shape)
    contents = .normal(generator, deviation: deviation)
  }

  /// Appends the data to an output.
  func write(to output: inout AtomicFile) throws(CheckpointError) {
    switch contents {
    case .bytes(let bytes):
      try output.write(bytes.span.rawBytes)
    case .archive(let archive, let index):
      try archive.copyTensor(at: index, to: &output)
    case .normal(var generator, let deviation):
      var left = info.elementCount
      while left > 0 {
        let count = min(left, Self.chunkElementCount)
        let bytes = FloatFormat.float32.bytes(
          rounding: (0..<count).map { _ in deviation * generator.next() })
        try output.write(bytes.span.rawBytes)
        left -= count
      }
    }
  }

  /// A copy of the data.
  ///
  /// - Throws: `system` when the source file cannot be mapped.
  /// - Complexity: O(bytes).
  public func bytes() throws(CheckpointError) -> [UInt8] {
    switch contents {
    case .bytes(let bytes): return bytes
    case .archive(let archive, let index):
      return try archive.withTensor(at: index) { view throws(CheckpointError) in
        try TensorSlice(view, view.shape.dimensions.map { 0..<Int(clamping: $0) }).copied()
      }
    case .normal(var generator, let deviation):
      return FloatFormat.float32.bytes(
        rounding: (0..<info.elementCount).map { _ in deviation * generator.next() })
    }
  }

  private static let chunkElementCount = 1 << 15
}
