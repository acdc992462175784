// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// An archive in which elements follow those of some tensors: rows of an embedding, elements of a
/// bias. The stored bytes are copied, in the kernel where that is possible.
final class GrownArchive: ArchiveDecorator {
  /// The growth of a tensor.
  struct Growth: Sendable {
    /// The tensor with its new size.
    let info: TensorInfo
    /// The added elements, row-major and little-endian; called when the tensor is read.
    let added: @Sendable () throws(CheckpointError) -> [UInt8]
  }

  let base: any TensorArchive
  /// The growths by the index of the tensor.
  private let growths: [Int: Growth]

  /// The size of the pieces that added elements are read in, in bytes; whole elements.
  private static let pieceByteCount = 1 << 20

  init(_ base: any TensorArchive, _ growths: [Int: Growth]) {
    self.base = base
    self.growths = growths
  }

  func tensor(at index: Int) -> TensorInfo { growths[index]?.info ?? base.tensor(at: index) }

  func alias(of index: Int) -> Int? { growths[index] == nil ? base.alias(of: index) : nil }

  func location(of index: Int) -> TensorLocation {
    let location = base.location(of: index)
    return growths[index] == nil
      ? location : TensorLocation(path: location.path, access: .gathered)
  }

  func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    guard let growth = growths[index] else { return try base.withTensor(at: index, body) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(growth.info.byteCount)
    try base.readTensor(at: index) { bytes.append(copying: $0) }
    bytes += try growth.added()
    return try body(
      TensorView(dtype: growth.info.dtype, shape: growth.info.shape, bytes: bytes.span.rawBytes))
  }

  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try base.readTensor(at: index, to: sink)
    guard let added = try growths[index]?.added() else { return }
    for start in stride(from: 0, to: added.count, by: Self.pieceByteCount) {
      let end = min(start + Self.pieceByteCount, added.count)
      try sink(added.span.rawBytes.extracting(start..<end))
    }
  }

  func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try base.copyTensor(at: index, to: &output)
    guard let added = try growths[index]?.added() else { return }
    try output.write(added.span.rawBytes)
  }
}
