// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// Writes safetensors files. Every safetensors output of the package is written here.
public enum SafeTensorsWriter {
  /// Writes the tensors of an archive as a stream; at most a chunk of data is in memory.
  ///
  /// - Parameters:
  ///   - archive: the tensors, opened from any format.
  ///   - metadata: `__metadata__`; nil writes none.
  ///   - reservedByteCount: the number of bytes of room in the header for later changes
  ///     (spec/safetensors.md W8).
  ///   - output: the output, still empty. The caller commits it.
  /// - Throws: `malformed` or `unsupported` for tensors that the format cannot hold, `truncated` or
  ///   `system` when reading or writing fails.
  public static func write(
    _ archive: any TensorArchive, metadata: ArchiveMetadata?, reservedByteCount: Int = 0,
    to output: inout AtomicFile
  ) throws(CheckpointError) {
    try write(
      archive.tensors, metadata: metadata, reservedByteCount: reservedByteCount, to: &output
    ) { index, output throws(CheckpointError) in
      try archive.copyTensor(at: index, to: &output)
    }
  }

  /// Writes tensors whose data `append` supplies.
  ///
  /// - Parameters:
  ///   - tensors: the tensors, in any order; the file has the order of the reference.
  ///   - metadata: the metadata; nil for a file without `__metadata__`.
  ///   - reservedByteCount: the number of bytes of room in the header for later changes
  ///     (spec/safetensors.md W8).
  ///   - output: the output, still empty. The caller commits it.
  ///   - append: appends exactly the data of the tensor with this index.
  /// - Throws: as above, and what `append` throws. Data of another size is a programming error and
  ///   traps.
  public static func write(
    _ tensors: [TensorInfo], metadata: ArchiveMetadata?, reservedByteCount: Int = 0,
    to output: inout AtomicFile,
    append: (_ index: Int, _ output: inout AtomicFile) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let layout = try SafeTensorsLayout(
      tensors: tensors, metadata: metadata, reservedByteCount: reservedByteCount)
    try output.reserve(byteCount: layout.byteCount)
    try output.write(layout.prefix.span.rawBytes)
    for index in layout.order {
      let start = output.byteCount
      output.tensor = tensors[index].name
      do throws(CheckpointError) {
        try append(index, &output)
      } catch {
        throw error.naming(tensor: tensors[index].name)
      }
      precondition(
        output.byteCount - start == tensors[index].byteCount, "data must have its tensor's size")
    }
  }
}
