// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import ZipArchive

/// The contents of a NumPy file.
struct NumPyContents: Sendable {
  /// The arrays, in the order of the index.
  private(set) var tensors: [NpyTensor] = []
  /// Everything else, in the order of the index.
  private(set) var skipped: [SkippedItem] = []
  private var places: [TensorName: Int?] = [:]

  /// The suffix of an array's name.
  static let suffix = ".npy"

  /// Reads the header of a file that is one array.
  ///
  /// - Throws: `malformed` or `truncated` when it is damaged; `unsupported` when no tensor can hold the
  ///   elements.
  init(array file: InputFile) throws(CheckpointError) {
    var offset = 0
    let header = try NpyHeader(at: 0) { count throws(CheckpointError) in
      defer { offset += count }
      return try file.read(at: offset, count: count)
    }
    switch header.element {
    case .plain(let dtype, let isBigEndian):
      let array = try NpyArray(
        header, dtype: dtype, isBigEndian: isBigEndian, byteCount: file.byteCount, at: 0)
      let name = TensorName(Self.stem(of: file.path))
      try take(name, 0)
      tensors.append(
        NpyTensor(
          name: name, array: array, source: .file(file), range: array.isAsShown ? array.data : nil))
    case .objects:
      throw .objectArray(at: 0)
    case .other(let type, _):
      throw CheckpointError(.unsupported, "is a \(type), which no tensor can hold", offset: 0)
    }
  }

  /// Reads the headers of all arrays of an archive.
  ///
  /// - Throws: `malformed` or `truncated` when one is damaged or two have one name; `unsupported`
  ///   when one contains Python objects.
  init(archive file: InputFile) throws(CheckpointError) {
    let zip = try ZipIndex(of: file, mindsCase: true)
    let records = ZipRecords(zip, in: file, isChecked: true)
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
          ? add(name, entry, place, records, in: file)
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
    _ name: TensorName, _ entry: ZipEntry, _ place: Int, _ records: ZipRecords, in file: InputFile
  ) throws(CheckpointError) {
    // Bytes of a compressed record have no offset in the file.
    let offset = entry.method == .stored ? entry.dataOffset : nil
    let header = try Self.header(of: entry, at: offset, in: file)
    switch header.element {
    case .plain(let dtype, let isBigEndian):
      let array = try NpyArray(
        header, dtype: dtype, isBigEndian: isBigEndian, byteCount: entry.byteCount, at: offset)
      try take(name, tensors.count)
      let isUnchanged = entry.method == .stored && array.isAsShown
      tensors.append(
        NpyTensor(
          name: name, array: array, source: .record(records, place, file),
          range: isUnchanged
            ? entry.dataOffset + array.data.lowerBound..<entry.dataRange.upperBound : nil))
    case .objects:
      throw .objectArray(at: offset)
    case .other(let type, _):
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

  /// The last part of a path, without its extension.
  static func stem(of path: String) -> String {
    let base = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
    let dot = base.lastIndex(of: UInt8(ascii: "."))
    guard let dot, dot > base.startIndex else { return String(Substring(base)) }
    return String(Substring(base[..<dot]))
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

extension CheckpointError {
  /// The error that the elements of an array are a pickle.
  fileprivate static func objectArray(at offset: Int?) -> Self {
    Self(
      .unsupported,
      "contains Python objects: loading them would run code from the file; nothing was "
        + "executed", offset: offset,
      hint: "save the array with a dtype of numbers")
  }
}
