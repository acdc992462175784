// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Pickle
public import Files
public import Tensors
internal import ZipArchive

/// A torch checkpoint, open for reading: a `.bin`, `.pt`, `.pth` or `.ckpt` file in any format that
/// `torch.save` has ever written, or the parameters of a TorchScript archive.
///
/// Opening reads the index, the headers and the pickle with read calls, never tensor data. The
/// pickle is parsed as data: nothing is imported or called, and the objects of classes that are not in
/// a table of plain data are inert. A tensor is read where the pickle says for certain which bytes it
/// has; `codeRequest` says whether Python would run code to load the file. The names of nested tensors
/// are joined with `.`; those of a module are those of its `state_dict()`.
///
/// Checksums are verified when data is read, unless the file was saved without any.
public final class TorchFile: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// The torch format of the contents.
  public var variant: FormatVariant { contents.variant }
  /// Always nil: torch files have no metadata.
  public var metadata: ArchiveMetadata? { nil }
  /// The number of tensors.
  public var tensorCount: Int { contents.table.tensors.count }
  /// The other values of the pickle, in its order: those that are not tensors, and tensors of types
  /// that only torch has.
  public var skipped: [SkippedItem] { contents.table.skipped }

  /// Whether the file is one tensor, which has no name in it.
  package var isSingleTensor: Bool { contents.table.isSingleTensor }

  /// The code that Python would run to load the file, and the Python attributes of tensors and of the
  /// state dict, which are not read.
  public var notes: [String] {
    let data = contents.lacksData ? ["saved without data (torch.serialization.skip_data)"] : []
    return data + contents.table.objects.notes + contents.table.attributes.notes
  }

  /// Whether torch refuses the file with `weights_only`. TorchScript and tar archives have loaders of
  /// their own.
  public var defects: [ArchiveDefect] {
    guard variant == .torchZip || variant == .torchLegacy,
      let reason = contents.table.objects.weightsOnlyRefusal
    else { return [] }
    return [.refusedByWeightsOnly(reason)]
  }

  /// The error for a file that asks Python to run code; nil for one that is data only.
  public var codeRequest: CheckpointError? {
    guard let request = contents.table.objects.codeRequest else { return nil }
    let isRecord = contents.zip != nil
    return (isRecord ? request.inContext("data.pkl") : request).inFile(file.path)
  }

  let file: InputFile
  let contents: TorchContents
  /// The records of the zip archive, if the file is one.
  let records: ZipRecords?
  private let map: LazyMapping

  /// Opens a file.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when it cannot be read; `unrecognized` when
  ///   it is not a torch checkpoint; `truncated` or `malformed`, with the offset, when it is damaged;
  ///   `unsupported` when it is encrypted, or expands beyond a limit.
  /// - Complexity: O(index and pickle) in time and memory.
  public convenience init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  /// Reads an open file.
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
      guard contents.hasUncheckedStorages else { return }
      for storage in contents.storages {
        if let entry = storage.entry { records?.noteVerified(entry) }
      }
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The tensor at an index, in the order of the pickle.
  ///
  /// - Complexity: O(1) and the copying of name and shape.
  public func tensor(at index: Int) -> TensorInfo {
    let tensor = contents.table.tensors[index]
    return TensorInfo(
      name: contents.table.names[index], dtype: tensor.dtype, shape: tensor.shape,
      byteCount: tensor.byteCount, dataOffsets: nil)
  }

  /// The index of the tensor with this name.
  ///
  /// - Complexity: O(length of the name).
  public func index(of name: TensorName) -> Int? {
    contents.table.index(of: name)
  }

  /// The first tensor with the same storage, offset, shape, strides and dtype.
  public func alias(of index: Int) -> Int? {
    contents.table.alias(of: index)
  }

  /// Lends the data of a tensor: from a mapping if the file contains it unchanged, from a copy in
  /// memory if it must be gathered, swapped or decompressed.
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

  /// The location of a tensor's data: contiguous, or to be gathered or decompressed.
  public func location(of index: Int) -> TensorLocation {
    let tensor = contents.table.tensors[index]
    if let range = rangeInFile(of: tensor) { return TensorLocation(path: path, range: range) }
    let isCompressed = contents.storages[tensor.storage].isDeflated
    return TensorLocation(path: path, access: isCompressed ? .compressed : .gathered)
  }

  /// Passes the data of a tensor to a sink in pieces of a few megabytes.
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

  /// Appends the data of a tensor to an output: copied in the kernel if the file contains it unchanged
  /// and no checksum must be computed, else in pieces of a few megabytes.
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

extension TorchFile: ElementArchive {
  /// The elements of a tensor; the checksum of its record is verified.
  package func elements(of index: Int) throws(CheckpointError) -> StridedElements {
    do throws(CheckpointError) {
      return try elements(of: contents.table.tensors[index])
    } catch {
      throw error.naming(tensor: contents.table.names[index])
    }
  }
}
