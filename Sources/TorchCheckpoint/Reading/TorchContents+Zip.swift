internal import Files
internal import Tensors
internal import ZipArchive

extension TorchContents {
  /// The largest pickle that is read out of a compressed record.
  private static let largestDeflatedPickle = 16 << 20
  /// The largest of the records that hold one number or word.
  private static let largestNote = 1024

  /// Reads the index and the pickle of a zip archive.
  ///
  /// - Throws: `unrecognized` when it is some other zip archive; `malformed`, `truncated` or
  ///   `unsupported` when it is damaged or asks for code.
  init(zip file: InputFile) throws(CheckpointError) {
    let zip = try ZipIndex(of: file)
    let folder = try Self.folder(of: zip)
    guard let pickle = zip.entry(named: folder + "/data.pkl") else {
      throw CheckpointError(
        .unrecognized, "is a zip archive without data.pkl, not a torch checkpoint",
        offset: zip.entries.first?.indexOffset ?? 0)
    }
    let isScript = zip.entry(named: folder + "/constants.pkl") != nil
    try Self.checkVersion(zip, folder, file)
    isBigEndian = try Self.isBigEndian(zip, folder, file)
    let limit =
      pickle.method == .stored ? PickleLimits.largestPickle - 1 : Self.largestDeflatedPickle
    let bytes = try zip.contents(of: pickle, in: file, limit: limit)
    do throws(CheckpointError) {
      let limits = PickleLimits(
        fileByteCount: file.byteCount, pickleByteCount: pickle.storedByteCount)
      // In a compressed record places count from the record's own start.
      let base = pickle.method == .stored ? pickle.dataOffset : 0
      var (graph, end) = try PickleMachine.run(
        bytes, baseOffset: base, dialect: isScript ? .torchScript : .torch, limits: limits)
      guard end == bytes.count else {
        throw .malformed(
          "\(bytes.count - end) unexpected bytes follow the end of the pickle", at: base + end)
      }
      var storages = StorageTable()
      try storages.collect(&graph, fieldCount: 5)
      for index in storages.storages.indices {
        try Self.locate(&storages.storages[index], in: zip, folder)
      }
      self.storages = storages.storages
      table = try TensorCollector.collect(
        graph, resolver: TensorResolver(storages: storages),
        into: TensorTable(memoryLimit: limits.tableByteCount, fileByteCount: file.byteCount))
    } catch {
      throw error.inContext("data.pkl")
    }
    format = isScript ? .torchScript : .torchZip
    self.zip = zip
  }

  /// The one folder that everything stands in.
  private static func folder(of zip: ZipIndex) throws(CheckpointError) -> String {
    var folder: Substring?
    for entry in zip.entries {
      guard let slash = entry.name.utf8.firstIndex(of: UInt8(ascii: "/")) else {
        throw CheckpointError(
          .unrecognized,
          "is a zip archive with \"\(entry.name.excerpt)\" outside any folder, not a torch "
            + "checkpoint", offset: entry.indexOffset)
      }
      let own = entry.name[..<slash]
      if let folder, !folder.utf8.elementsEqual(own.utf8) {
        throw .malformed(
          "the zip archive has two top folders, \"\(String(folder).excerpt)\" and "
            + "\"\(String(own).excerpt)\"", at: entry.indexOffset)
      }
      folder = own
    }
    return String(folder ?? "")
  }

  private static func checkVersion(
    _ zip: ZipIndex, _ folder: String, _ file: InputFile
  ) throws(CheckpointError) {
    let names = [folder + "/version", folder + "/.data/version"]
    guard let entry = names.lazy.compactMap({ zip.entry(named: $0) }).first else {
      throw CheckpointError(
        .malformed, "the record \"version\" is missing",
        offset: zip.entries.first?.indexOffset ?? 0)
    }
    let text = try note(entry, zip, file)
    guard let version = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw .malformed("the record \"version\" holds no number", at: entry.dataOffset)
    }
    guard (1...10).contains(version) else {
      throw CheckpointError(
        .unsupported, "has version \(version) of torch's file format; 1 to 10 are known",
        offset: entry.dataOffset)
    }
  }

  private static func isBigEndian(
    _ zip: ZipIndex, _ folder: String, _ file: InputFile
  ) throws(CheckpointError) -> Bool {
    guard let entry = zip.entry(named: folder + "/byteorder") else { return false }
    switch try note(entry, zip, file) {
    case "little": return false
    case "big": return true
    default:
      throw .malformed("the record \"byteorder\" holds no order of bytes", at: entry.dataOffset)
    }
  }

  /// The text of a short record, without the newline at its end.
  private static func note(
    _ entry: ZipEntry, _ zip: ZipIndex, _ file: InputFile
  ) throws(CheckpointError) -> String {
    let bytes = try zip.contents(of: entry, in: file, limit: largestNote)
    return String(decoding: bytes.last == 0x0A ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }

  /// Finds the record of a storage, which must have its size.
  private static func locate(
    _ storage: inout TorchStorage, in zip: ZipIndex, _ folder: String
  ) throws(CheckpointError) {
    guard let place = zip.index(of: "\(folder)/data/\(storage.key)") else {
      throw .malformed(
        "the record of the storage \"\(storage.key)\" is missing", at: storage.referenceOffset)
    }
    let entry = zip.entries[place]
    guard entry.byteCount >= storage.byteCount else {
      throw .malformed(
        "the storage \"\(storage.key)\" reaches beyond its record: it needs \(storage.byteCount) "
          + "bytes, the record has \(entry.byteCount)", at: storage.referenceOffset)
    }
    guard entry.byteCount - storage.byteCount < storage.elementByteCount else {
      throw .malformed(
        "the record of the storage \"\(storage.key)\" has \(entry.byteCount) bytes, more than the "
          + "\(storage.byteCount) of the storage", at: storage.referenceOffset)
    }
    storage.start = entry.dataOffset
    storage.entry = place
    storage.isDeflated = entry.method == .deflated
  }
}
