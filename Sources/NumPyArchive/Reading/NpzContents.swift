// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import ZipArchive

/// The contents of an npz archive.
struct NpzContents: Sendable {
  /// An array that is read as a tensor.
  struct Member: Sendable {
    let name: TensorName
    let array: NpyArray
    /// The place in the archive's index.
    let entry: Int
  }

  /// The arrays, in the order of the index.
  private(set) var members: [Member] = []
  /// Everything else, in the order of the index.
  private(set) var skipped: [SkippedItem] = []
  private var places: [TensorName: Int?] = [:]

  /// The suffix of an array's name.
  static let suffix = ".npy"

  /// Reads the headers of all arrays.
  ///
  /// - Throws: `malformed` or `truncated` when one is damaged or two have one name; `unsupported`
  ///   when one contains Python objects.
  init(_ zip: ZipIndex, in file: InputFile) throws(CheckpointError) {
    for (place, entry) in zip.entries.enumerated() where !entry.isFolder {
      guard entry.flags.contains(.utf8) || entry.name.utf8.allSatisfy({ $0 < 0x80 }) else {
        throw .malformed(
          "the name \"\(entry.name.excerpt)\" is not marked as UTF-8, and other readers see "
            + "another", at: entry.indexOffset)
      }
      let isArray = Self.isArray(entry.name)
      let name = TensorName(
        isArray
          ? String(decoding: entry.name.utf8.dropLast(Self.suffix.utf8.count), as: UTF8.self)
          : entry.name)
      do throws(CheckpointError) {
        try isArray
          ? add(name, entry, place, in: file)
          : skip(SkippedItem(name: name, type: "file that is not an array", isTensor: false))
      } catch {
        throw error.naming(tensor: name)
      }
    }
  }

  /// Whether a member of this name is an array.
  static func isArray(_ name: String) -> Bool {
    name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// The index of the array with this name.
  func index(of name: TensorName) -> Int? {
    places[name] ?? nil
  }

  private mutating func add(
    _ name: TensorName, _ entry: ZipEntry, _ place: Int, in file: InputFile
  ) throws(CheckpointError) {
    // Bytes of a compressed record have no offset in the file.
    let offset = entry.method == .stored ? entry.dataOffset : nil
    let header = try Self.header(of: entry, at: offset, in: file)
    switch header.element {
    case .plain(let dtype, let isBigEndian):
      let array = try NpyArray(
        header, dtype: dtype, isBigEndian: isBigEndian, byteCount: entry.byteCount, at: offset)
      try take(name, members.count)
      members.append(Member(name: name, array: array, entry: place))
    case .objects:
      throw .objectArray(at: offset)
    case .other(let type):
      try skip(SkippedItem(name: name, type: type, isTensor: true, shape: header.shape))
    }
  }

  private mutating func skip(_ item: SkippedItem) throws(CheckpointError) {
    try take(item.name, nil)
    skipped.append(item)
  }

  private mutating func take(_ name: TensorName, _ place: Int?) throws(CheckpointError) {
    guard places.updateValue(place, forKey: name) == nil else {
      throw .malformed("two members of the archive have this name")
    }
  }

  private static func header(
    of entry: ZipEntry, at offset: Int?, in file: InputFile
  ) throws(CheckpointError) -> NpyHeader {
    // The checksum is verified when the data is read.
    var stream = try RecordStream(entry, in: file, isChecked: false)
    return try NpyHeader(at: offset) { count throws(CheckpointError) in
      guard count <= stream.remaining else {
        throw CheckpointError(
          .truncated,
          "ends too early: the header takes \(count) more bytes, \(stream.remaining) are left",
          offset: offset.map { $0 + stream.position })
      }
      var bytes = [UInt8](repeating: 0, count: count)
      var output = bytes.mutableRawBytes
      try stream.read(into: &output)
      return bytes
    }
  }
}
