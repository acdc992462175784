// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// A NumPy file, open for reading: the array of a `.npy` file, which `numpy.save` writes, or the arrays
/// of a `.npz` archive, which `numpy.savez` and `numpy.savez_compressed` write (spec/numpy.md).
///
/// Opening reads the headers with read calls. An array has no name of its own: its tensor has the name
/// of the file, or of its member of the archive, without the extension. Python objects are refused:
/// nothing in a file is ever executed. The checksum of a member is verified when its data is first
/// read.
public final class NumPyFile: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// `npy` or `npz`.
  public let format: any CheckpointFormat
  /// Always nil: the formats have no metadata.
  public var metadata: ArchiveMetadata? { nil }
  /// The number of tensors.
  public var tensorCount: Int { contents.tensors.count }
  /// The members that are not read as tensors, in the order of the archive's index.
  public var skipped: [SkippedItem] { contents.skipped }
  /// The file.
  public var files: [InputFile] { [file] }

  private let file: InputFile
  private let contents: NumPyContents
  private let map: LazyMapping

  /// Reads an open `.npy` file.
  ///
  /// - Throws: `truncated` or `malformed`, with the byte, when it is not a valid array; `unsupported`
  ///   for elements that tensors do not have.
  /// - Complexity: O(header).
  public convenience init(array file: InputFile) throws(CheckpointError) {
    try self.init(file, NpyFormat()) { file throws(CheckpointError) in
      try NumPyContents(array: file)
    }
  }

  /// Reads an open `.npz` archive.
  ///
  /// - Throws: `truncated` or `malformed`, with member and byte, when it is damaged; `unsupported`
  ///   when it contains Python objects, is encrypted, or expands beyond reason.
  /// - Complexity: O(members), one or two small reads for each.
  public convenience init(archive file: InputFile) throws(CheckpointError) {
    try self.init(file, NpzFormat()) { file throws(CheckpointError) in
      try NumPyContents(archive: file)
    }
  }

  private init(
    _ file: InputFile, _ format: any CheckpointFormat,
    _ read: (InputFile) throws(CheckpointError) -> NumPyContents
  ) throws(CheckpointError) {
    self.file = file
    self.format = format
    map = LazyMapping(file)
    do throws(CheckpointError) {
      contents = try read(file)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The tensor at an index, in the order of the archive's index.
  ///
  /// - Complexity: O(1) and the copying of name and shape.
  public func tensor(at index: Int) -> TensorInfo {
    contents.tensors[index].info
  }

  /// The index of the tensor with this name.
  ///
  /// - Complexity: O(length of the name).
  public func index(of name: TensorName) -> Int? {
    contents.index(of: name)
  }

  /// Lends the data of a tensor: from a mapping if the file contains it unchanged, from a copy in
  /// memory if it must be decompressed, transposed or swapped.
  ///
  /// - Throws: `malformed` when a checksum does not match or compressed data is damaged, `system`
  ///   when the file cannot be mapped or read, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    try contents.tensors[index].withView(in: path, map: map, body)
  }

  /// The location of a tensor's data: contiguous, or to be decompressed, transposed or swapped.
  public func location(of index: Int) -> TensorLocation {
    contents.tensors[index].location(in: path)
  }

  /// Passes the data of a tensor to a sink in pieces of a few megabytes.
  ///
  /// - Throws: `truncated` when the file has shrunk, `malformed` when the checksum does not match or
  ///   compressed data is damaged, `system` when reading fails, and what `sink` throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try contents.tensors[index].read(to: sink)
  }

  /// Appends the data of a tensor to an output: copied in the kernel if a `.npy` file contains it
  /// unchanged.
  ///
  /// - Throws: as `readTensor`, and `system` when writing fails.
  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try contents.tensors[index].copy(to: &output)
  }
}
