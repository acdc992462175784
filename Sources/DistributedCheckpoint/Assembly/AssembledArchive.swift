// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
internal import Kernels
public import Tensors

/// The tensors of a distributed checkpoint, put together from the parts that its files have
/// (spec/distributed.md).
///
/// Opening reads what says where the parts are; no tensor data is read.
public final class AssembledArchive: TensorArchive {
  /// The path as it was given.
  public let path: String
  /// The format of the files.
  public let format: any CheckpointFormat
  /// The kind of checkpoint.
  public let variant: FormatVariant
  /// The metadata that all files have in common; nil when one of them has none.
  public let metadata: ArchiveMetadata?
  /// The values that are not tensors, and tensors that cannot be put together.
  public let skipped: [SkippedItem]
  /// Remarks on the checkpoint.
  public let notes: [String]
  /// The files with the parts.
  public let files: [InputFile]
  /// The error for the code that Python would run to load the files; nil when there is none but that of
  /// the libraries that wrote them.
  public let codeRequest: CheckpointError?
  private let assembled: [AssembledTensor]
  private let places: [TensorName: Int]

  /// What an archive consists of.
  struct Contents {
    var variant: FormatVariant
    var format: any CheckpointFormat
    var metadata: ArchiveMetadata?
    var tensors: [AssembledTensor] = []
    var skipped: [SkippedItem] = []
    var notes: [String] = []
    var files: [InputFile] = []
    var codeRequest: CheckpointError?
  }

  /// - Throws: `malformed` when two tensors or skipped items have the same name.
  init(path: String, _ contents: Contents) throws(CheckpointError) {
    self.path = path
    format = contents.format
    variant = contents.variant
    metadata = contents.metadata
    skipped = contents.skipped
    notes = contents.notes
    files = contents.files
    codeRequest = contents.codeRequest
    assembled = contents.tensors
    var places: [TensorName: Int] = [:]
    places.reserveCapacity(contents.tensors.count)
    for (index, tensor) in contents.tensors.enumerated() {
      guard places.updateValue(index, forKey: tensor.info.name) == nil else {
        throw CheckpointError(
          .malformed, "the name appears twice", path: path, tensor: tensor.info.name)
      }
    }
    var names: Set<TensorName> = []
    for item in contents.skipped {
      guard places[item.name] == nil, names.insert(item.name).inserted else {
        throw CheckpointError(.malformed, "the name appears twice", path: path, tensor: item.name)
      }
    }
    self.places = places
  }

  /// The number of tensors.
  public var tensorCount: Int { assembled.count }

  /// The whole tensor at an index.
  public func tensor(at index: Int) -> TensorInfo { assembled[index].info }

  /// The index of the tensor with this name.
  ///
  /// - Complexity: O(length of the name).
  public func index(of name: TensorName) -> Int? { places[name] }

  /// The first tensor that is the same.
  public func alias(of index: Int) -> Int? { assembled[index].alias }

  /// The location of a tensor's data: it is gathered.
  public func location(of index: Int) -> TensorLocation {
    TensorLocation(path: path, access: .gathered)
  }

  /// Lends a tensor that is put together in memory.
  ///
  /// - Throws: as `readTensor`, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let info = assembled[index].info
    var bytes: [UInt8] = []
    bytes.reserveCapacity(info.byteCount)
    try readTensor(at: index) { piece throws(CheckpointError) in bytes.append(copying: piece) }
    return try body(
      TensorView(dtype: info.dtype, shape: info.shape, bytes: bytes.span.rawBytes))
  }

  /// Passes the data of a tensor to a sink, put together in pieces of a few megabytes.
  ///
  /// - Throws: `truncated`, `malformed` or `mismatch`, with file and byte, when a part is damaged or
  ///   is another tensor's; `system` when reading fails, and what `sink` throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let tensor = assembled[index]
    var reader = TileReader(tensor)
    do throws(CheckpointError) {
      guard let cast = tensor.cast else { return try reader.read(to: sink) }
      var counts = CastCounts()
      var buffer: [UInt8] = []
      try reader.read { piece throws(CheckpointError) in
        let size = piece.byteCount / cast.sourceElementByteCount * cast.destinationElementByteCount
        if buffer.count < size { buffer = [UInt8](repeating: 0, count: size) }
        do {
          var output = buffer.mutableRawBytes
          try cast.run(piece, into: &output, counts: &counts)
        }
        try sink(buffer.span.rawBytes.extracting(0..<size))
      }
    } catch {
      throw error.naming(tensor: tensor.info.name)
    }
  }

  /// Appends the data of a tensor to an output.
  ///
  /// - Throws: as `readTensor`, and `system` when writing fails.
  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    let tensor = assembled[index]
    guard tensor.cast == nil else {
      return try readTensor(at: index) { piece throws(CheckpointError) in
        try output.write(piece)
      }
    }
    var reader = TileReader(tensor)
    do throws(CheckpointError) {
      try reader.copy(to: &output)
    } catch {
      throw error.naming(tensor: tensor.info.name)
    }
  }
}
