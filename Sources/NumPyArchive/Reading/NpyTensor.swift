// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// An array of a file, read as a tensor.
struct NpyTensor: Sendable {
  /// The name of the tensor.
  let name: TensorName
  /// The header, checked against the size of the array.
  let array: NpyArray
  /// The bytes of the array.
  let source: NpySource
  /// The bytes of the data in the file; nil when they are compressed, swapped or in Fortran order.
  let range: Range<Int>?

  /// The description of the tensor.
  var info: TensorInfo {
    TensorInfo(
      name: name, dtype: array.dtype, shape: array.shape, byteCount: array.data.count,
      dataOffsets: nil)
  }

  /// The location of the data, for the path of the file.
  func location(in path: String) -> TensorLocation {
    if let range { return TensorLocation(path: path, range: range) }
    return TensorLocation(path: path, access: source.isCompressed ? .compressed : .gathered)
  }

  /// Lends the data: from the mapping of the file where the file contains it unchanged, else from a
  /// copy in memory.
  ///
  /// - Throws: `malformed` when a checksum does not match or compressed data is damaged, `system`
  ///   when the file cannot be mapped or read, and what `body` throws.
  func withView<R>(
    in path: String, map: LazyMapping, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    var copy: [UInt8] = []
    do throws(CheckpointError) {
      if range == nil {
        copy = try array.materialize(from: source)
      } else {
        try source.verify()
      }
    } catch {
      throw error.naming(tensor: name).inFile(path)
    }
    guard let range else {
      return try body(
        TensorView(dtype: array.dtype, shape: array.shape, bytes: copy.span.rawBytes))
    }
    let mapping = try map()
    let bytes = mapping.bytes.extracting(range)
    return try body(TensorView(dtype: array.dtype, shape: array.shape, bytes: bytes))
  }

  /// Passes the data to a sink in pieces of a few megabytes.
  ///
  /// - Throws: `truncated` when the file has shrunk, `malformed` when a checksum does not match or
  ///   compressed data is damaged, `system` when reading fails, and what `sink` throws.
  func read(to sink: (RawSpan) throws(CheckpointError) -> Void) throws(CheckpointError) {
    do throws(CheckpointError) {
      try array.read(from: source, to: sink)
    } catch {
      throw error.naming(tensor: name)
    }
  }
  /// Appends the data to an output: copied in the kernel if a file contains it unchanged. A record's
  /// data is read, since its checksum must be verified.
  ///
  /// - Throws: as `read`, and `system` when writing fails.
  func copy(to output: inout AtomicFile) throws(CheckpointError) {
    guard let range, case .file(let file) = source else {
      return try read { piece throws(CheckpointError) in try output.write(piece) }
    }
    try output.copy(from: file, range: range)
  }
}
