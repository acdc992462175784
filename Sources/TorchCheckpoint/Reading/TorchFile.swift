// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Pickle
public import Files
public import Tensors
internal import ZipArchive

/// A torch checkpoint, open for reading: `.bin`, `.pt`, `.pth` or `.ckpt` in any of the formats that
/// `torch.save` has had, and the parameters of TorchScript archives.
///
/// Opening reads the index, the headers and the pickle with read calls, never tensor data. The
/// pickle is taken apart as data: names must be on a list, nothing is imported and nothing is called;
/// what would need code is refused. Names of nested tensors are joined with `.`.
///
/// Checksums are verified when data is read, unless the file was saved with all of them switched
/// off.
public final class TorchFile: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// Which of torch's formats the contents have.
  public var variant: FormatVariant { contents.variant }
  /// Always nil: torch has no text about a file.
  public var metadata: ArchiveMetadata? { nil }
  /// The number of tensors.
  public var tensorCount: Int { contents.table.tensors.count }
  /// What else the pickle holds, in its order: values that are no tensors, and tensors of types that
  /// only torch has.
  public var skipped: [SkippedItem] { contents.table.skipped }

  /// The Python attributes of tensors and of the state dict, which are not read.
  public var notes: [String] { contents.table.attributes.notes }

  let file: InputFile
  let contents: TorchContents
  /// The records of the archive, where the storages stand in one.
  let records: ZipRecords?
  private let map: LazyMapping

  /// Opens a file.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when it cannot be read; `unrecognized` when
  ///   it is not a torch checkpoint; `truncated` or `malformed`, with the place, when it is damaged;
  ///   `unsupported` when it asks for code, is encrypted, or expands beyond reason.
  /// - Complexity: O(index and pickle), in memory that their size limits.
  public convenience init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  /// Opens a file that is open already.
  ///
  /// - Throws: as `init(path:)`.
  public convenience init(_ file: InputFile) throws(CheckpointError) {
    try self.init(file, memory: .shared)
  }

  init(
    _ file: InputFile, memory: PickleMemory, limits: PickleLimits = PickleLimits()
  ) throws(CheckpointError) {
    self.file = file
    map = LazyMapping(file)
    do throws(CheckpointError) {
      contents = try TorchContents(file, memory, limits)
      records = contents.zip.map { ZipRecords($0, in: file, isChecked: !$0.checksumsAreOff) }
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The tensor at a place in the file's order: that of the pickle.
  ///
  /// - Complexity: O(1) and the copying of name and shape.
  public func tensor(at index: Int) -> TensorInfo {
    let tensor = contents.table.tensors[index]
    return TensorInfo(
      name: contents.table.names[index], dtype: tensor.dtype, shape: tensor.shape,
      byteCount: tensor.byteCount, dataOffsets: nil)
  }

  /// The place of the tensor with this name.
  ///
  /// - Complexity: O(length of the name).
  public func index(of name: TensorName) -> Int? {
    contents.table.index(of: name)
  }

  /// The first tensor with the same storage, offset, shape, strides and dtype.
  public func alias(of index: Int) -> Int? {
    contents.table.alias(of: index)
  }

  /// Lends the data of a tensor: from a mapping of the file where its bytes are there unchanged, from a
  /// copy in memory where its elements must be gathered, swapped or decompressed first.
  ///
  /// - Throws: `malformed` when a checksum does not match or compressed data is damaged, `system`
  ///   when the file cannot be mapped or read, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let tensor = contents.table.tensors[index]
    let name = contents.table.names[index]
    if let range = rangeInFile(of: tensor) {
      let mapping = try map()
      do throws(CheckpointError) {
        try verifyChecksum(of: tensor)
      } catch {
        throw error.naming(tensor: name).inFile(path)
      }
      return try body(
        TensorView(
          dtype: tensor.dtype, shape: tensor.shape, bytes: mapping.bytes.extracting(range)))
    }
    let bytes: [UInt8]
    do throws(CheckpointError) {
      bytes = try materialize(tensor)
    } catch {
      throw error.naming(tensor: name).inFile(path)
    }
    return try body(
      TensorView(dtype: tensor.dtype, shape: tensor.shape, bytes: bytes.span.rawBytes))
  }

  /// The file.
  public var files: [InputFile] { [file] }

  /// The place of a tensor's data: a range of most files, or a view to be gathered, or a compressed
  /// record.
  public func location(of index: Int) -> TensorLocation {
    let tensor = contents.table.tensors[index]
    if let range = rangeInFile(of: tensor) { return TensorLocation(path: path, range: range) }
    let isCompressed = contents.storages[tensor.storage].isDeflated
    return TensorLocation(path: path, access: isCompressed ? .compressed : .gathered)
  }

  /// Passes the data of a tensor on in pieces of a few megabytes.
  ///
  /// - Throws: `truncated` when the file has shrunk, `malformed` when a checksum does not match or
  ///   compressed data is damaged, `system` when reading fails, and what `sink` throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let tensor = contents.table.tensors[index]
    guard tensor.byteCount > 0 else { return }
    do throws(CheckpointError) {
      try pass(tensor, to: sink)
    } catch {
      throw error.naming(tensor: contents.table.names[index])
    }
  }

  /// Appends the data of a tensor to an output: inside the kernel where its bytes are in the file
  /// unchanged and no checksum must be computed, in pieces of a few megabytes otherwise.
  ///
  /// - Throws: `truncated` when the file has shrunk, `malformed` when a checksum does not match or
  ///   compressed data is damaged, `system` when reading or writing fails.
  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    do throws(CheckpointError) {
      try copy(contents.table.tensors[index], to: &output)
    } catch {
      throw error.naming(tensor: contents.table.names[index])
    }
  }
}
