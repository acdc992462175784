// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// A file of named tensors, in any format. Tensors are in the order of the file.
///
/// Opening reads no tensor data. Archives never change and may be shared between threads.
public protocol TensorArchive: AnyObject, Sendable {
  /// The path as it was given.
  var path: String { get }
  /// The format of the contents.
  var format: any CheckpointFormat { get }
  /// The variant of the format.
  var variant: FormatVariant { get }
  /// The metadata of the file; nil when it has none, which differs from an empty list.
  var metadata: ArchiveMetadata? { get }
  /// The number of tensors.
  var tensorCount: Int { get }
  /// An object that other archives may have, too, if their tensors have the same names, dtypes and shapes
  /// in the same order.
  var layout: (any AnyObject & Sendable)? { get }
  /// The tensor at an index in the file's order. An index out of range is a programming error and
  /// traps.
  func tensor(at index: Int) -> TensorInfo
  /// Lends the description of a tensor, the same as `tensor(at:)` but without allocations where
  /// possible.
  func describeTensor(at index: Int, to body: (TensorDescription) -> Void)
  /// The index of the tensor with this name, compared as UTF-8 bytes.
  func index(of name: TensorName) -> Int?
  /// The items of the file that are not read as tensors, in the order of the file.
  var skipped: [SkippedItem] { get }
  /// Remarks on the file that change nothing about its tensors, each one line for a terminal.
  var notes: [String] { get }
  /// The error for a file that asks Python to run code, for callers that take only files that are safe
  /// for Python too; nil for a file that is data only. Nothing is ever run here.
  var codeRequest: CheckpointError? { get }
  /// Defects of the files that do not affect reading here, but other software.
  var defects: [ArchiveDefect] { get }
  /// The first tensor that is the same view of the same bytes as this one.
  ///
  /// - Returns: nil for a tensor that shares no bytes, or only some, with earlier ones.
  func alias(of index: Int) -> Int?
  /// Lends the data of a tensor, from a mapping if the file contains it unchanged.
  ///
  /// - Throws: `system` when the file cannot be mapped, and what `body` throws.
  func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R
  /// The location of a tensor's data.
  func location(of index: Int) -> TensorLocation
  /// The bytes of a file that are a tensor's data, where `readTensor` does nothing but read them, so
  /// that parts of a tensor can be read by several threads. Nil elsewhere.
  func storedBytes(of index: Int) -> (file: InputFile, range: Range<Int>)?
  /// Passes the data of a tensor to a sink, in pieces of whole elements and at most a few
  /// megabytes, read with system calls and not from a mapping.
  ///
  /// - Throws: `truncated` when the file has shrunk, `malformed` when a checksum does not match,
  ///   `system` when reading fails, and what `sink` throws.
  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError)
  /// Appends the data of a tensor to an output, read with system calls and not from a mapping.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading or writing fails.
  func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError)
  /// The files that the data is read from.
  var files: [InputFile] { get }
  /// The files that the data of some tensors is read from.
  func files(holding tensors: [Int]) -> [InputFile]
}

extension TensorArchive {
  /// Empty: files of most formats contain tensors only.
  public var skipped: [SkippedItem] { [] }

  /// The only variant of most formats.
  public var variant: FormatVariant { format.variants[0] }

  /// Nil: most formats describe the tensors of each file by themselves.
  public var layout: (any AnyObject & Sendable)? { nil }

  /// None: only sets of files can contradict themselves without harm.
  public var notes: [String] { [] }

  /// Nil: in most formats there is no code.
  public var codeRequest: CheckpointError? { nil }

  /// Refuses a file that asks Python to run code, for what is done with files that Python loads too.
  ///
  /// - Throws: `codeRequest`.
  public func requireDataOnly() throws(CheckpointError) {
    if let request = codeRequest { throw request }
  }

  /// None: most archives are one file, which is valid or refused.
  public var defects: [ArchiveDefect] { [] }

  /// All files: most archives are one.
  public func files(holding tensors: [Int]) -> [InputFile] { files }

  /// Nil: in most formats every tensor has its own bytes.
  public func alias(of index: Int) -> Int? { nil }

  /// Nil: most formats compute checksums, or change the bytes.
  public func storedBytes(of index: Int) -> (file: InputFile, range: Range<Int>)? { nil }

  /// Lends a description that is created for the call.
  public func describeTensor(at index: Int, to body: (TensorDescription) -> Void) {
    let tensor = tensor(at: index)
    body(
      TensorDescription(
        name: tensor.name.string.utf8.span, dtype: tensor.dtype,
        dimensions: tensor.shape.dimensions.span, byteCount: tensor.byteCount,
        dataOffsets: tensor.dataOffsets))
  }

  /// Checks that the files have not changed since they were opened.
  ///
  /// - Throws: `mismatch` when one has changed, `system` when it cannot be examined.
  /// - Complexity: O(files).
  public func checkUnchanged() throws(CheckpointError) {
    for file in files { try file.checkUnchanged() }
  }

  /// Writes every piece that is read to the output.
  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try readTensor(at: index) { piece throws(CheckpointError) in try output.write(piece) }
  }

  /// All tensors, in the file's order.
  ///
  /// - Complexity: O(tensors).
  public var tensors: [TensorInfo] {
    (0..<tensorCount).map { tensor(at: $0) }
  }
}

/// A defect of an archive's files that other software does not accept.
public enum ArchiveDefect: Sendable, Hashable {
  /// The index of the shards has no `metadata`; transformers does not load such a model.
  case indexWithoutMetadata
  /// torch does not load the file with `weights_only`, for an opcode or a name.
  case refusedByWeightsOnly(String)
}
