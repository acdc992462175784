// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// Writes GGUF files of version 3, little endian.
public enum GGUFWriter {
  /// Writes the tensors of an archive in their order, and its metadata; at most a piece of data is in
  /// memory.
  ///
  /// - Parameters:
  ///   - archive: the tensors, opened from any format.
  ///   - values: typed values besides the metadata; see `GGUFLayout`.
  ///   - output: the output, still empty. The caller commits it.
  /// - Throws: `malformed` or `unsupported` for tensors that the format cannot hold, `truncated` or
  ///   `system` when reading or writing fails.
  public static func write(
    _ archive: any TensorArchive, values: [(key: String, value: GGUFValue)] = [],
    to output: inout AtomicFile
  ) throws(CheckpointError) {
    let tensors = archive.tensors
    let layout = try GGUFLayout(tensors: tensors, metadata: archive.metadata, values: values)
    try output.reserve(byteCount: layout.byteCount)
    try output.write(layout.prefix.span.rawBytes)
    for (index, tensor) in tensors.enumerated() {
      try pad(&output, to: layout.ranges[index].lowerBound)
      output.tensor = tensor.name
      do throws(CheckpointError) {
        try archive.copyTensor(at: index, to: &output)
      } catch {
        throw error.naming(tensor: tensor.name)
      }
      precondition(
        output.byteCount == layout.ranges[index].upperBound, "data must have its tensor's size")
    }
    try pad(&output, to: layout.byteCount)
  }

  /// Appends zeros up to an offset.
  private static func pad(_ output: inout AtomicFile, to offset: Int) throws(CheckpointError) {
    guard output.byteCount < offset else { return }
    let zeros = [UInt8](repeating: 0, count: offset - output.byteCount)
    try output.write(zeros.span.rawBytes)
  }
}
