public import Files
public import Tensors

/// A file of named tensors, whatever its format. Tensors keep the order of the file.
///
/// Opening reads no tensor data. Archives never change and may be shared between threads.
public protocol TensorArchive: AnyObject, Sendable {
  /// The path as it was given.
  var path: String { get }
  /// The format of the contents.
  var format: any CheckpointFormat { get }
  /// The variant of the format.
  var variant: FormatVariant { get }
  /// What the file says of itself; nil when it says nothing, which differs from an empty list.
  var metadata: ArchiveMetadata? { get }
  /// The number of tensors.
  var tensorCount: Int { get }
  /// The tensor at a place in the file's order. An index out of range is a caller's bug and traps.
  func tensor(at index: Int) -> TensorInfo
  /// Lends what there is to say of the tensor at a place, as `tensor(at:)` says it.
  func describeTensor(at index: Int, to body: (TensorDescription) -> Void)
  /// The place of the tensor with this name, compared as UTF-8 bytes.
  func index(of name: TensorName) -> Int?
  /// What the file holds besides its tensors, in the order of the file.
  var skipped: [SkippedItem] { get }
  /// Remarks on the file that change nothing about its tensors, each one line for a terminal.
  var notes: [String] { get }
  /// The first tensor that is the very same view of the same bytes, where this one is not the first.
  ///
  /// - Returns: nil for a tensor that shares nothing, or only a part, with those before it.
  func alias(of index: Int) -> Int?
  /// Lends the data of a tensor, from a mapping where the file holds it as it is.
  ///
  /// - Throws: `system` when the file cannot be mapped, and what `body` throws.
  func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R
  /// Where the data of a tensor stands.
  func location(of index: Int) -> TensorLocation
  /// Passes the data of a tensor on in pieces of at most a few megabytes, each of whole elements,
  /// read with calls and not through a mapping.
  ///
  /// - Throws: `truncated` when the file has shrunk, `malformed` when a checksum does not match,
  ///   `system` when reading fails, and what `sink` throws.
  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError)
  /// Appends the data of a tensor to an output, read with calls and not through a mapping.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading or writing fails.
  func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError)
  /// The files that the data is read from.
  var files: [InputFile] { get }
  /// The files that the data of some tensors is read from.
  func files(holding tensors: [Int]) -> [InputFile]
}

extension TensorArchive {
  /// Nothing: most formats hold tensors only.
  public var skipped: [SkippedItem] { [] }

  /// The only variant of most formats.
  public var variant: FormatVariant { format.variants[0] }

  /// None: only sets of files can contradict themselves without harm.
  public var notes: [String] { [] }

  /// All files: most archives are one.
  public func files(holding tensors: [Int]) -> [InputFile] { files }

  /// Nil: in most formats every tensor has its own bytes.
  public func alias(of index: Int) -> Int? { nil }

  /// Describes a tensor by a name and a shape that are made for it.
  public func describeTensor(at index: Int, to body: (TensorDescription) -> Void) {
    let tensor = tensor(at: index)
    body(
      TensorDescription(
        name: tensor.name.string.utf8.span, dtype: tensor.dtype,
        dimensions: tensor.shape.dimensions.span, byteCount: tensor.byteCount,
        dataOffsets: tensor.dataOffsets))
  }

  /// Makes sure that what has been read is what the files held when they were opened.
  ///
  /// - Throws: `mismatch` when one was changed meanwhile, `system` when it cannot be looked at.
  /// - Complexity: O(files).
  public func checkUnchanged() throws(CheckpointError) {
    for file in files { try file.checkUnchanged() }
  }

  /// Passes every piece that is read on to the output.
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
