// SPDX-License-Identifier: Apache-2.0
package import Files
public import Tensors

/// A tensor that was computed, is computed when its data is used, or is copied from another archive.
public struct ComputedTensor: Sendable {
  /// Name, dtype and shape.
  public let info: TensorInfo
  private let contents: Contents

  private enum Contents: Sendable {
    case bytes([UInt8])
    case archive(any TensorArchive, index: Int)
    case made(Maker)
  }

  /// Passes the data of a tensor to a sink, in pieces of whole elements and at most a few megabytes;
  /// the same bytes each time.
  package typealias Maker =
    @Sendable (_ sink: (RawSpan) throws(CheckpointError) -> Void) throws(CheckpointError) -> Void

  /// The size of the pieces that tensors are read in, in bytes; a multiple of every element size.
  private static let pieceByteCount = 1 << 20

  /// Creates a tensor from little-endian elements. Another number of bytes traps.
  ///
  /// - Throws: `malformed`, naming the tensor, when the shape has no size in bytes.
  package init(
    _ name: TensorName, dtype: DType, shape: Shape, bytes: [UInt8]
  ) throws(CheckpointError) {
    info = try TensorInfo(name: name, dtype: dtype, shape: shape)
    precondition(info.byteCount == bytes.count, "a tensor's bytes must match its shape and dtype")
    contents = .bytes(bytes)
  }

  /// Creates a tensor whose data is made each time it is used.
  ///
  /// - Parameter make: passes on as many bytes as the shape has.
  /// - Throws: `malformed`, naming the tensor, when the shape has no size in bytes.
  package init(
    _ name: TensorName, dtype: DType, shape: Shape, making make: @escaping Maker
  ) throws(CheckpointError) {
    info = try TensorInfo(name: name, dtype: dtype, shape: shape)
    contents = .made(make)
  }

  /// Creates a tensor that is copied from an archive, under another name if one is given.
  package init(
    carrying index: Int, of archive: any TensorArchive, as name: TensorName? = nil
  ) {
    let info = archive.tensor(at: index)
    self.info = TensorInfo(
      name: name ?? info.name, dtype: info.dtype, shape: info.shape, byteCount: info.byteCount,
      dataOffsets: nil)
    contents = .archive(archive, index: index)
  }

  /// Appends the data to an output.
  package func write(to output: inout AtomicFile) throws(CheckpointError) {
    if case .archive(let archive, let index) = contents {
      return try archive.copyTensor(at: index, to: &output)
    }
    try read { piece throws(CheckpointError) in try output.write(piece) }
  }

  /// Passes the data to a sink, in pieces of whole elements and at most a few megabytes.
  func read(
    to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    switch contents {
    case .bytes(let bytes):
      for start in stride(from: 0, to: bytes.count, by: Self.pieceByteCount) {
        let end = min(start + Self.pieceByteCount, bytes.count)
        try sink(bytes.span.rawBytes.extracting(start..<end))
      }
    case .archive(let archive, let index): try archive.readTensor(at: index, to: sink)
    case .made(let make): try make(sink)
    }
  }

  /// A copy of the data.
  ///
  /// - Throws: `system` when the source file cannot be read.
  /// - Complexity: O(bytes).
  public func bytes() throws(CheckpointError) -> [UInt8] {
    if case .bytes(let bytes) = contents { return bytes }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(info.byteCount)
    try read { piece throws(CheckpointError) in bytes.append(copying: piece) }
    return bytes
  }
}
