public import Archives
public import Files
public import Tensors
internal import ZipArchive

/// A `.npz` file, open for reading: the arrays that `numpy.savez` or `numpy.savez_compressed` wrote
/// (spec/numpy.md).
///
/// Opening reads the archive's index and the header of each array, with read calls. A tensor has the
/// name of its member without `.npy`. Members that are no arrays, and arrays that no tensor can hold,
/// are `skipped`; an archive with an array of Python objects is refused, since only code could read
/// it. The checksum of a member is compared when its data is first read.
public final class NpzFile: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// Always `npz`.
  public var format: ArchiveFormat { .npz }
  /// Always nil: the format has no text about a file.
  public var metadata: ArchiveMetadata? { nil }
  /// The number of tensors.
  public var tensorCount: Int { contents.members.count }
  /// The members that are no tensors, in the order of the archive's index.
  public var skipped: [SkippedItem] { contents.skipped }

  private let file: InputFile
  private let contents: NpzContents
  private let records: ZipRecords
  private let map: LazyMapping

  /// Opens a file.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when it cannot be read; `truncated` or
  ///   `malformed`, with member and byte, when it is damaged; `unsupported` when it holds Python
  ///   objects, is encrypted, or expands beyond reason.
  /// - Complexity: O(members), one or two small reads for each.
  public convenience init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  /// Opens a file that is open already.
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

  /// The tensor at a place in the file's order: that of the archive's index.
  ///
  /// - Complexity: O(1) and the copying of name and shape.
  public func tensor(at index: Int) -> TensorInfo {
    let member = contents.members[index]
    return TensorInfo(
      name: member.name, dtype: member.array.dtype, shape: member.array.shape,
      byteCount: member.array.data.count, dataOffsets: nil)
  }

  /// The place of the tensor with this name.
  ///
  /// - Complexity: O(length of the name).
  public func index(of name: TensorName) -> Int? {
    contents.index(of: name)
  }

  /// Lends the data of a tensor: from a mapping where it stands there as it is, from a copy in memory
  /// where it must be decompressed, transposed or swapped first.
  ///
  /// - Throws: `malformed` when a checksum does not match or compressed data is damaged, `system`
  ///   when the file cannot be mapped or read, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let (name, array) = (contents.members[index].name, contents.members[index].array)
    let source = source(of: index)
    if let range = rangeInFile(of: index) {
      do throws(CheckpointError) {
        try source.verify()
      } catch {
        throw error.naming(tensor: name).inFile(path)
      }
      let mapping = try map()
      let bytes = mapping.bytes.extracting(range)
      return try body(TensorView(dtype: array.dtype, shape: array.shape, bytes: bytes))
    }
    let bytes: [UInt8]
    do throws(CheckpointError) {
      bytes = try array.materialize(from: source)
    } catch {
      throw error.naming(tensor: name).inFile(path)
    }
    return try body(
      TensorView(dtype: array.dtype, shape: array.shape, bytes: bytes.span.rawBytes))
  }

  /// The file.
  public var files: [InputFile] { [file] }

  /// Where the data of a tensor stands: as it is, or to be decompressed, transposed or swapped.
  public func location(of index: Int) -> TensorLocation {
    if let range = rangeInFile(of: index) { return TensorLocation(path: path, range: range) }
    let isCompressed = source(of: index).isCompressed
    return TensorLocation(path: path, access: isCompressed ? .compressed : .gathered)
  }

  /// Passes the data of a tensor on in pieces of a few megabytes.
  ///
  /// - Throws: `truncated` when the file has shrunk, `malformed` when the checksum does not match or
  ///   compressed data is damaged, `system` when reading fails, and what `sink` throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    do throws(CheckpointError) {
      try contents.members[index].array.read(from: source(of: index), to: sink)
    } catch {
      throw error.naming(tensor: contents.members[index].name)
    }
  }

  private func source(of index: Int) -> NpySource {
    .record(records, contents.members[index].entry, file)
  }

  /// Where the data of a tensor stands in the file, nil when it does not stand there as it is.
  private func rangeInFile(of index: Int) -> Range<Int>? {
    let member = contents.members[index]
    let entry = records.index.entries[member.entry]
    guard entry.method == .stored, member.array.isAsShown else { return nil }
    return entry.dataOffset + member.array.data.lowerBound..<entry.dataRange.upperBound
  }
}

extension NpzFile {
  /// Whether a zip archive is one of NumPy's, and not one of torch's: arrays are in it, and no pickle
  /// `data.pkl` in a folder.
  ///
  /// - Throws: what reading the file and its index throws.
  /// - Complexity: O(1) for what torch writes, else O(members).
  public static func recognizes(_ file: InputFile) throws(CheckpointError) -> Bool {
    // torch writes the pickle first.
    let prefix = try file.read(at: 0, count: min(512, file.byteCount))
    if prefix.count >= 30 {
      let end = min(prefix.count, 30 + Int(prefix[26]) + Int(prefix[27]) << 8)
      if isPickle(prefix[30..<end]) { return false }
    }
    var hasArray = false
    for entry in try ZipIndex(of: file, mindsCase: true).entries {
      if isPickle(entry.name.utf8) { return false }
      if NpzContents.isArray(entry.name) { hasArray = true }
    }
    return hasArray
  }

  private static func isPickle(_ name: some Collection<UInt8>) -> Bool {
    guard let slash = name.firstIndex(of: UInt8(ascii: "/")) else { return false }
    return name[slash...].elementsEqual("/data.pkl".utf8)
  }
}
