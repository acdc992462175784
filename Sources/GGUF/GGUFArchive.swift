// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
internal import Synchronization
public import Tensors

/// A GGUF file, open for reading (spec/gguf.md).
///
/// Opening reads the header with read calls and nothing else; the data is mapped when a tensor is
/// first asked for. Shapes are row-major, outermost dimension first.
public final class GGUFArchive: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// The GGUF format.
  public var format: any CheckpointFormat { GGUFFormat() }
  /// The number of tensors.
  public var tensorCount: Int { header.tensors.count }
  /// The tensors that cannot be read: quantized ones of big-endian files.
  public var skipped: [SkippedItem] { header.skipped }
  /// The open file, as the only element.
  public var files: [InputFile] { [file] }

  /// The most bytes that are read at a time.
  private static let pieceByteCount = 1 << 20

  private let file: InputFile
  private let header: GGUFHeader
  private let map: LazyMapping
  private let text = Mutex<ArchiveMetadata?>(nil)

  /// Reads an open file.
  ///
  /// - Throws: `truncated` or `malformed`, with key or tensor and byte, when it is not a valid GGUF
  ///   file; `unsupported` for versions other than 2 and 3, and for unknown types of tensors.
  /// - Complexity: O(header).
  public init(_ file: InputFile) throws(CheckpointError) {
    self.file = file
    map = LazyMapping(file)
    do throws(CheckpointError) {
      header = try GGUFHeader(file)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The keys of the metadata and their values, in the order of the file.
  ///
  /// - Complexity: O(header): each call makes them.
  public var values: [(key: String, value: GGUFValue)] {
    header.entries.compactMap { entry in header.value(of: entry).map { (entry.key, $0) } }
  }

  /// The value of a key of the metadata, such as `general.architecture`; nil without such a key.
  ///
  /// - Complexity: O(keys + value).
  public subscript(key: String) -> GGUFValue? { header[key] }

  /// The metadata as text, each entry with its typed value; nil when it is empty.
  ///
  /// - Complexity: O(header) at the first call.
  public var metadata: ArchiveMetadata? {
    guard !header.entries.isEmpty else { return nil }
    return text.withLock { text in
      if let text { return text }
      let made = ArchiveMetadata(
        values.map { ArchiveMetadata.Entry(key: UTF8Text($0.key), value: $0.value) })
      text = made
      return made
    }
  }

  /// The tensor at an index in the file's order.
  ///
  /// - Complexity: O(1).
  public func tensor(at index: Int) -> TensorInfo { header.tensors[index].info }

  /// The index of the tensor with this name.
  ///
  /// - Complexity: O(length of the name).
  public func index(of name: TensorName) -> Int? { header.places[name] }

  /// Lends the data of a tensor: from the mapping, from a copy in memory if it must be swapped.
  ///
  /// - Throws: `system` when the file cannot be mapped or read, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let tensor = header.tensors[index]
    if transform(of: index) == nil {
      let mapping = try map()
      let bytes = mapping.bytes.extracting(tensor.range)
      return try body(
        TensorView(dtype: tensor.info.dtype, shape: tensor.info.shape, bytes: bytes))
    }
    var copy: [UInt8] = []
    copy.reserveCapacity(tensor.info.byteCount)
    try readTensor(at: index) { piece throws(CheckpointError) in copy.append(copying: piece) }
    return try body(
      TensorView(
        dtype: tensor.info.dtype, shape: tensor.info.shape, bytes: copy.span.rawBytes))
  }

  /// The location of a tensor's data: contiguous, or to be swapped.
  public func location(of index: Int) -> TensorLocation {
    transform(of: index) == nil
      ? TensorLocation(path: path, range: header.tensors[index].range)
      : TensorLocation(path: path, access: .gathered)
  }

  /// The bytes of a tensor's data; nil if they must be swapped.
  public func storedBytes(of index: Int) -> (file: InputFile, range: Range<Int>)? {
    transform(of: index) == nil ? (file, header.tensors[index].range) : nil
  }

  /// Passes the data of a tensor to a sink in pieces of about 1 MiB, little endian, of quantized tensors
  /// in whole blocks.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading fails, and what `sink`
  ///   throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let range = header.tensors[index].range
    guard let transform = transform(of: index) else {
      let block = header.tensors[index].info.dtype.block.byteCount
      let step = Self.pieceByteCount / block * block
      for start in stride(from: range.lowerBound, to: range.upperBound, by: step) {
        try file.read(start..<min(start + step, range.upperBound), to: sink)
      }
      return
    }
    try file.readPieces(range) { piece throws(CheckpointError) in
      transform.apply(to: &piece)
      try sink(piece.bytes)
    }
  }

  /// Appends the data of a tensor to an output: copied in the kernel if the file contains it unchanged.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading or writing fails.
  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    guard transform(of: index) == nil else {
      return try readTensor(at: index) { piece throws(CheckpointError) in
        try output.write(piece)
      }
    }
    try output.copy(from: file, range: header.tensors[index].range)
  }

  /// The byte swap of a tensor's elements; nil where the file has them as they are.
  private func transform(of index: Int) -> ElementTransform? {
    guard header.isBigEndian, let byteCount = header.tensors[index].info.dtype.byteCount,
      byteCount > 1
    else { return nil }
    return ElementTransform(componentByteCount: byteCount, swapsBytes: true)
  }
}

extension GGUFArchive: ElementArchive {
  /// The elements of a tensor.
  ///
  /// - Throws: `unsupported` for quantized elements, which are not read one by one.
  package func elements(of index: Int) throws(CheckpointError) -> StridedElements {
    let tensor = header.tensors[index]
    guard let byteCount = tensor.info.dtype.byteCount else {
      throw CheckpointError(
        .unsupported,
        "is quantized (\(tensor.info.dtype)), and its elements are not read one by one",
        path: path, tensor: tensor.info.name)
    }
    return StridedElements(
      in: .file(file, start: tensor.range.lowerBound, byteCount: tensor.range.count), start: 0,
      sizes: tensor.info.shape.dimensions.map { Int(clamping: $0) },
      elementByteCount: byteCount, transform: transform(of: index))
  }
}
