// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors
internal import ZipArchive

/// A `.npz` file, open for reading: the arrays that `numpy.savez` or `numpy.savez_compressed` wrote
/// (spec/numpy.md).
///
/// Opening reads the archive's index and the header of each array, with read calls. A tensor has
/// the name of its member without `.npy`. Members that are not arrays, and arrays of types that
/// tensors do not have, are `skipped`; an archive with an array of Python objects is refused, since
/// only code could read it. The checksum of a member is verified when its data is first read.
public final class NpzFile: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// Always nil: the format has no metadata.
  public var metadata: ArchiveMetadata? { nil }
  /// The number of tensors.
  public var tensorCount: Int { contents.members.count }
  /// The members that are not read as tensors, in the order of the archive's index.
  public var skipped: [SkippedItem] { contents.skipped }

  private let file: InputFile
  private let contents: NpzContents
  private let records: ZipRecords
  private let map: LazyMapping

  /// Opens a file.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when it cannot be read; `truncated` or
  ///   `malformed`, with member and byte, when it is damaged; `unsupported` when it contains Python
  ///   objects, is encrypted, or expands beyond reason.
  /// - Complexity: O(members), one or two small reads for each.
  public convenience init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  /// Reads an open file.
  ///
  /// - Throws: as `init(path:)`.
  public init(_ file: InputFile) throws(CheckpointError) {
    self.file = file
    map = LazyMapping(file)
    do throws(CheckpointError) {
      let index = try ZipIndex(of: file, mindsCase: true)
      contents = try NpzContents(index, in: file)
      records = ZipRecords(index, in: file, isChecked: true)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The tensor at an index in the file's order, which is that of the archive's index.
  ///
  /// - Complexity: O(1) and the copying of name and shape.
  public func tensor(at index: Int) -> TensorInfo {
    member(of: index).info
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
    try member(of: index).withView(in: path, map: map, body)
  }

  /// The file.
  public var files: [InputFile] { [file] }

  /// The location of a tensor's data: contiguous, or to be decompressed, transposed or swapped.
  public func location(of index: Int) -> TensorLocation {
    member(of: index).location(in: path)
  }

  /// Passes the data of a tensor to a sink in pieces of a few megabytes.
  ///
  /// - Throws: `truncated` when the file has shrunk, `malformed` when the checksum does not match or
  ///   compressed data is damaged, `system` when reading fails, and what `sink` throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try member(of: index).read(to: sink)
  }

  private func member(of index: Int) -> NpyTensor {
    let member = contents.members[index]
    let entry = records.index.entries[member.entry]
    let isUnchanged = entry.method == .stored && member.array.isAsShown
    return NpyTensor(
      name: member.name, array: member.array, source: .record(records, member.entry, file),
      range: isUnchanged
        ? entry.dataOffset + member.array.data.lowerBound..<entry.dataRange.upperBound : nil)
  }
}
