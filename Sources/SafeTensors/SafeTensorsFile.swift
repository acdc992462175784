// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// A safetensors file, open for reading (spec/safetensors.md).
///
/// Opening reads the header with read calls and nothing else; the data is mapped when a tensor is
/// first asked for. It accepts the same files as the reference implementation, except for duplicate
/// names and metadata keys (spec/safetensors.md R14).
public final class SafeTensorsFile: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// The safetensors format.
  public var format: any CheckpointFormat { SafeTensorsFormat() }
  /// `__metadata__`, in the order of the file; nil when it is absent or null.
  public var metadata: ArchiveMetadata? { tables.metadata }
  /// The number of tensors.
  public var tensorCount: Int { tables.entries.count }

  /// The header, which files with the same one share.
  public var layout: (any AnyObject & Sendable)? { header }

  let file: InputFile
  private let header: FileHeader
  let tables: HeaderTables
  /// The offset of the data section in the file.
  let dataStart: Int
  private let map: LazyMapping

  /// The largest header in bytes, the limit of the reference (spec/safetensors.md R3).
  public static let largestHeader = HeaderLength.largest

  /// Opens a file.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when it cannot be read; `truncated` or
  ///   `malformed`, with tensor and byte, when it is not a valid safetensors file.
  /// - Complexity: O(header).
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
      let bytes = try Self.readHeader(of: file)
      dataStart = HeaderLength.byteCount + bytes.count
      header = try FileHeader.read(bytes, dataByteCount: file.byteCount - dataStart)
      tables = header.tables
    } catch {
      throw error.inFile(file.path)
    }
  }

  private static func readHeader(of file: InputFile) throws(CheckpointError) -> [UInt8] {
    let prefix = try file.read(at: 0, count: HeaderLength.byteCount)
    var reader = ByteReader(prefix.span.rawBytes)
    let length = try reader.readLittleEndian(UInt64.self)
    guard length <= largestHeader else {
      throw .malformed(
        "the header's stated length is \(length) bytes, more than the \(largestHeader) allowed",
        at: 0)
    }
    let rest = file.byteCount - HeaderLength.byteCount
    guard length <= rest else {
      throw CheckpointError(
        .truncated, "ends too early: the header takes \(length) bytes, \(rest) are left",
        offset: HeaderLength.byteCount,
        hint: "the file is probably an incomplete download; download it again")
    }
    return try file.read(at: HeaderLength.byteCount, count: Int(length))
  }

  /// The tensor at an index in the file's order: that of the data, for empty ones that of the
  /// header.
  ///
  /// - Complexity: O(1), plus a copy of name and shape.
  public func tensor(at index: Int) -> TensorInfo {
    let entry = tables.entries[index]
    return TensorInfo(
      name: tables.name(of: entry), dtype: entry.dtype, shape: tables.shape(of: entry),
      byteCount: Int(entry.end - entry.begin), dataOffsets: Int(entry.begin)..<Int(entry.end))
  }

  /// Lends the description of a tensor.
  ///
  /// - Complexity: O(1).
  public func describeTensor(at index: Int, to body: (TensorDescription) -> Void) {
    tables.describeTensor(at: index, to: body)
  }

  /// The index of the tensor with this name.
  ///
  /// - Complexity: O(length of the name).
  public func index(of name: TensorName) -> Int? {
    header.names.entry(named: name, in: tables)
  }

  /// Passes a view of a tensor's data in the mapping to `body`.
  ///
  /// - Throws: `system` when the file cannot be mapped, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let entry = tables.entries[index]
    let mapping = try map()
    let bytes = mapping.bytes.extracting(fileRange(of: entry))
    return try body(
      TensorView(dtype: entry.dtype, shape: tables.shape(of: entry), bytes: bytes))
  }

  /// The open file, as the only element.
  public var files: [InputFile] { [file] }

  /// The location of a tensor's data, which is always contiguous.
  public func location(of index: Int) -> TensorLocation {
    TensorLocation(path: path, range: fileRange(of: tables.entries[index]))
  }

  /// The bytes of a tensor's data.
  public func storedBytes(of index: Int) -> (file: InputFile, range: Range<Int>)? {
    (file, fileRange(of: tables.entries[index]))
  }

  /// Passes the data of a tensor to a sink in pieces.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading fails, and what `sink`
  ///   throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try file.read(fileRange(of: tables.entries[index]), to: sink)
  }

  /// Appends the data of a tensor to an output, copied in the kernel if possible.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading or writing fails.
  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try output.copy(from: file, range: fileRange(of: tables.entries[index]))
  }

  private func fileRange(of entry: HeaderTables.Entry) -> Range<Int> {
    dataStart + Int(entry.begin)..<dataStart + Int(entry.end)
  }
}

extension SafeTensorsFile: ElementArchive {
  /// The elements of a tensor.
  ///
  /// - Throws: `unsupported` for elements that are not whole bytes.
  package func elements(of index: Int) throws(CheckpointError) -> StridedElements {
    let entry = tables.entries[index]
    guard let byteCount = entry.dtype.byteCount else {
      throw CheckpointError(
        .unsupported, "has elements of \(entry.dtype.bitCount) bits, which are not read one by one",
        path: path, tensor: tables.name(of: entry))
    }
    let range = fileRange(of: entry)
    return StridedElements(
      in: .file(file, start: range.lowerBound, byteCount: range.count), start: 0,
      sizes: tables.shape(of: entry).dimensions.map { Int(clamping: $0) },
      elementByteCount: byteCount)
  }
}
