// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors
internal import ZipArchive

/// Writes `.npy` files as `numpy.save` does, byte for byte, and `.npz` files as `numpy.savez` and
/// `numpy.savez_compressed` do into a stream.
///
/// Dtypes that NumPy lacks are written as unsigned integers of the same bits: BF16 as `uint16`, the
/// 8-bit floats as `uint8`. `NpyLayout` and `NpzLayout` list those tensors. Smaller dtypes are
/// refused.
public enum NumPyWriter {
  /// The dtype that a tensor is written with; nil when it cannot be written.
  ///
  /// It is the same dtype if NumPy has it.
  public static func dtype(for dtype: DType) -> DType? {
    dtype.inNumPy
  }

  /// Writes the one tensor of an archive as a `.npy` file.
  ///
  /// - Parameters:
  ///   - archive: the tensor, opened from any format.
  ///   - output: the output, still empty. The caller commits it.
  /// - Throws: `unsupported` when the archive has no or several tensors and for what NumPy cannot hold,
  ///   `truncated` or `system` when reading or writing fails.
  public static func writeArray(
    _ archive: any TensorArchive, to output: inout AtomicFile
  ) throws(CheckpointError) {
    try writeArray(onlyTensor(of: archive), to: &output) { output throws(CheckpointError) in
      try archive.copyTensor(at: 0, to: &output)
    }
  }

  /// The tensor of an archive that becomes a `.npy` file.
  ///
  /// - Throws: `unsupported` when the archive has no or several tensors.
  static func onlyTensor(of archive: any TensorArchive) throws(CheckpointError) -> TensorInfo {
    guard archive.tensorCount == 1 else {
      throw CheckpointError(
        .unsupported, "cannot become npy, which is one tensor: it has \(archive.tensorCount)",
        path: archive.path, hint: "npz holds several", remedy: .selectTensor)
    }
    return archive.tensor(at: 0)
  }

  /// Writes a tensor as a `.npy` file. Its name is not written: the format has none.
  ///
  /// - Parameters:
  ///   - tensor: the dtype and shape.
  ///   - output: the output, still empty. The caller commits it.
  ///   - append: appends exactly the tensor's data.
  /// - Throws: as above, and what `append` throws. Data of another size is a programming error and
  ///   traps.
  public static func writeArray(
    _ tensor: TensorInfo, to output: inout AtomicFile,
    append: (_ output: inout AtomicFile) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let layout = try NpyLayout(tensor)
    try output.write(layout.prefix.span.rawBytes)
    let start = output.byteCount
    output.tensor = tensor.name
    do throws(CheckpointError) {
      try append(&output)
    } catch {
      throw error.naming(tensor: tensor.name)
    }
    precondition(
      output.byteCount - start == tensor.byteCount, "data must have its tensor's size")
  }

  /// Writes the tensors of an archive as a `.npz` file, in their order, as a stream; at most a
  /// piece of data is in memory.
  ///
  /// - Parameters:
  ///   - archive: the tensors, opened from any format.
  ///   - compression: whether the arrays are compressed.
  ///   - output: the output, still empty. The caller commits it.
  /// - Throws: `malformed` or `unsupported` for tensors that the format cannot hold, naming them;
  ///   `truncated` or `system` when reading or writing fails.
  public static func writeArchive(
    _ archive: any TensorArchive, compression: NpzCompression = .stored,
    to output: inout AtomicFile
  ) throws(CheckpointError) {
    try writeArchive(archive.tensors, compression: compression, to: &output) {
      index, sink throws(CheckpointError) in
      try archive.readTensor(at: index, to: sink)
    }
  }

  /// Writes tensors whose data `supply` provides, as a `.npz` file.
  ///
  /// - Parameters:
  ///   - tensors: the tensors, in the order of the file.
  ///   - compression: whether the arrays are compressed.
  ///   - output: the output, still empty. The caller commits it.
  ///   - supply: passes exactly the data of the tensor with this index to the sink, in pieces of
  ///     any size. The data passes through memory for its checksum.
  /// - Throws: as above, and what `supply` throws. Data of another size is a programming error and
  ///   traps.
  public static func writeArchive(
    _ tensors: [TensorInfo], compression: NpzCompression = .stored,
    to output: inout AtomicFile,
    supply: (
      _ index: Int, _ sink: (RawSpan) throws(CheckpointError) -> Void
    ) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    precondition(output.byteCount == 0, "an archive starts at the start of its file")
    let layout = try NpzLayout(tensors: tensors, compression: compression)
    var written: [NpzRecord.Written] = []
    written.reserveCapacity(tensors.count)
    for (index, record) in layout.records.enumerated() {
      let offset = output.byteCount
      try output.write(record.localHeader.span.rawBytes)
      let start = output.byteCount
      var body = try NpzBody(compression)
      try body.append(record.array.prefix.span.rawBytes, to: &output)
      output.tensor = tensors[index].name
      do throws(CheckpointError) {
        try supply(index) { piece throws(CheckpointError) in
          try body.append(piece, to: &output)
        }
      } catch {
        throw error.naming(tensor: tensors[index].name)
      }
      try body.finish(to: &output)
      precondition(
        body.byteCount == record.array.byteCount, "data must have its tensor's size")
      let member = NpzRecord.Written(
        headerOffset: offset, storedByteCount: output.byteCount - start,
        checksum: body.checksum.value)
      try output.write(
        NpzRecord.descriptor(member, byteCount: body.byteCount).span.rawBytes)
      written.append(member)
    }
    let directory = NpzRecord.directory(of: layout.records, written, at: output.byteCount)
    try output.write(directory.span.rawBytes)
  }
}

/// Writes the bytes of a member.
private struct NpzBody: ~Copyable {
  private(set) var checksum = Checksum()
  /// The number of bytes so far, before compression.
  private(set) var byteCount = 0
  private var deflater: Deflater?

  init(_ compression: NpzCompression) throws(CheckpointError) {
    deflater = compression == .deflated ? try Deflater() : nil
  }

  mutating func append(
    _ bytes: RawSpan, to output: inout AtomicFile
  ) throws(CheckpointError) {
    checksum.update(bytes)
    byteCount += bytes.byteCount
    guard deflater != nil else { return try output.write(bytes) }
    try deflater?.deflate(bytes) { piece throws(CheckpointError) in try output.write(piece) }
  }

  mutating func finish(to output: inout AtomicFile) throws(CheckpointError) {
    try deflater?.finish { piece throws(CheckpointError) in try output.write(piece) }
  }
}
