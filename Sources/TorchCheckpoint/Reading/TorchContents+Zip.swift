// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Pickle
internal import Files
internal import Tensors
internal import ZipArchive

extension TorchContents {
  /// The largest size, in bytes, of a record that contains one number or word.
  private static let largestNote = 1024

  /// Reads the index and the pickle of a zip archive.
  ///
  /// - Throws: `unrecognized` when it is another zip archive; `malformed`, `truncated` or `unsupported`
  ///   when it is damaged or asks Python to run code.
  init(
    zip file: InputFile, _ memory: PickleMemory, _ limits: PickleLimits
  ) throws(CheckpointError) {
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
      pickle.method == .stored ? PickleLimits.largestPickle - 1 : limits.deflatedPickle
    // In a compressed record, offsets count from the start of the record.
    let base = pickle.method == .stored ? pickle.dataOffset : 0
    let dialect: PickleDialect = isScript ? .torchScript : .torch
    let ownLimits = limits.scaled(
      fileByteCount: file.byteCount, pickleByteCount: pickle.storedByteCount)
    if pickle.byteCount > Self.largestInMemory, pickle.byteCount <= limit {
      do throws(CheckpointError) {
        let graph = try Self.pickle(
          inPiecesOf: RecordStream(pickle, in: file, isChecked: !zip.checksumsAreOff), base: base,
          dialect, ownLimits)
        (storages, table) = try Self.read(
          graph, dialect, zip, folder, ownLimits, fileByteCount: file.byteCount)
      } catch {
        throw error.inContext("data.pkl")
      }
    } else {
      let bytes = try zip.contents(of: pickle, in: file, limit: limit)
      do throws(CheckpointError) {
        let source = PickleSource(
          bytes: bytes, base: base, dialect: dialect, limits: ownLimits,
          fileByteCount: file.byteCount)
        if let (storages, table) = try Self.remembered(source, zip, folder, memory) {
          (self.storages, self.table) = (storages, table)
        } else {
          (storages, table) = try Self.read(source, zip, folder, memory)
        }
      } catch {
        throw error.inContext("data.pkl")
      }
    }
    variant = isScript ? .torchScript : .torchZip
    self.zip = zip
    if isScript { try readConstants(zip, folder, file, limits) }
    hasUncheckedStorages = Self.hasUncheckedStorages(zip, storages)
    lacksData = hasUncheckedStorages ? try Self.startsEmpty(zip, storages, file) : false
  }

  /// Reads the tensors that a TorchScript program has as constants, as `CONSTANTS.c0` and so on.
  private mutating func readConstants(
    _ zip: ZipIndex, _ folder: String, _ file: InputFile, _ limits: PickleLimits
  ) throws(CheckpointError) {
    guard let record = zip.entry(named: folder + "/constants.pkl") else { return }
    let bytes = try zip.contents(of: record, in: file, limit: limits.deflatedPickle)
    do throws(CheckpointError) {
      let limits = limits.scaled(
        fileByteCount: file.byteCount, pickleByteCount: record.storedByteCount)
      var (graph, _) = try PickleMachine.run(
        bytes, baseOffset: record.method == .stored ? record.dataOffset : 0, dialect: .torchScript,
        limits: limits)
      guard graph.persistentNodes.count > 0 else { return }
      var constants = StorageTable(after: storages)
      try constants.collect(&graph, fieldCounts: 5...6)
      storages = try Self.locate(
        constants.storages, from: storages.count, in: zip, folder + "/constants")
      constants.storages = storages
      let count = table.tensors.count
      table = try TensorCollector.collect(
        graph, resolver: TensorResolver(storages: constants), limits: limits, into: table,
        names: "CONSTANTS.c")
      table.objects.constantCount = table.tensors.count - count
    } catch {
      throw error.inContext("constants.pkl")
    }
  }

  /// Whether torch was told not to write the data of storages: all their checksums are 0, while others
  /// are not. The data may have been filled in later.
  private static func hasUncheckedStorages(_ zip: ZipIndex, _ storages: [TorchStorage]) -> Bool {
    guard !zip.checksumsAreOff else { return false }
    let entries = storages.lazy.compactMap(\.entry).map { zip.entries[$0] }.filter {
      $0.byteCount > 0
    }
    return !entries.isEmpty && entries.allSatisfy { $0.checksum == 0 && $0.method == .stored }
  }

  /// Whether the first storage with data, and with it the file, starts with zeros.
  private static func startsEmpty(
    _ zip: ZipIndex, _ storages: [TorchStorage], _ file: InputFile
  ) throws(CheckpointError) -> Bool {
    let entries = storages.lazy.compactMap(\.entry).map { zip.entries[$0] }
    guard let first = entries.first(where: { $0.byteCount > 0 }) else { return false }
    return try file.read(at: first.dataOffset, count: min(4096, first.byteCount))
      .allSatisfy { $0 == 0 }
  }

  /// The size from which a pickle is read in pieces, in bytes.
  private static let largestInMemory = 4 << 20

  /// Reads a pickle in pieces; its checksum is verified at the end.
  private static func pickle(
    inPiecesOf record: consuming RecordStream, base: Int, _ dialect: PickleDialect,
    _ limits: PickleLimits
  ) throws(CheckpointError) -> PickleGraph {
    var record = record
    let byteCount = record.remaining
    let (graph, end) = try PickleMachine.run(
      byteCount: byteCount, baseOffset: base, dialect: dialect, limits: limits
    ) { bytes, count throws(CheckpointError) in
      var piece = [UInt8](repeating: 0, count: count)
      var span = piece.mutableRawBytes
      try record.read(into: &span)
      bytes += piece
    }
    try checkEnd(end, of: byteCount, base: base)
    try record.finish()
    return graph
  }

  private static func checkEnd(
    _ end: Int, of byteCount: Int, base: Int
  ) throws(CheckpointError) {
    guard end == byteCount else {
      throw .malformed(
        (byteCount - end).counting("unexpected byte", "follow") + " the end of the pickle",
        at: base + end)
    }
  }

  /// Reads the pickle, and finds the records of its storages.
  private static func read(
    _ source: PickleSource, _ zip: ZipIndex, _ folder: String, _ memory: PickleMemory
  ) throws(CheckpointError) -> (storages: [TorchStorage], table: TensorTable) {
    let (graph, end) = try PickleMachine.run(
      source.bytes, baseOffset: source.base, dialect: source.dialect, limits: source.limits)
    try checkEnd(end, of: source.bytes.count, base: source.base)
    var unlocated: [TorchStorage]?
    let (storages, table) = try read(
      graph, source.dialect, zip, folder, source.limits, fileByteCount: source.fileByteCount
    ) {
      unlocated = memory.note(source) ? $0 : nil
    }
    if let unlocated, !storages.contains(where: \.isDeflated) {
      memory.remember(PickledTensors(storages: unlocated, table: table), of: source)
    }
    return (storages, table)
  }

  /// Collects the tensors of a pickle, and finds the records of its storages.
  ///
  /// - Parameter note: receives the storages before their records are found.
  private static func read(
    _ graph: PickleGraph, _ dialect: PickleDialect, _ zip: ZipIndex, _ folder: String,
    _ limits: PickleLimits, fileByteCount: Int, note: ([TorchStorage]) -> Void = { _ in }
  ) throws(CheckpointError) -> (storages: [TorchStorage], table: TensorTable) {
    var graph = graph
    var storages = StorageTable()
    try storages.collect(&graph, fieldCounts: dialect == .torchScript ? 5...6 : 5...5)
    try storages.collectArrays(&graph)
    note(storages.storages)
    storages.storages = try locate(
      storages.storages, in: zip, TorchRecords.storages(of: zip, in: folder))
    let table = try TensorCollector.collect(
      graph, resolver: TensorResolver(storages: storages), limits: limits,
      into: TensorTable(limits, fileByteCount: fileByteCount))
    return (storages.storages, table)
  }

  /// Finds the records of the storages of a pickle that has been read.
  private static func remembered(
    _ source: PickleSource, _ zip: ZipIndex, _ folder: String, _ memory: PickleMemory
  ) throws(CheckpointError) -> (storages: [TorchStorage], table: TensorTable)? {
    guard let tensors = memory.tensors(of: source) else { return nil }
    let storages = try locate(
      tensors.storages, in: zip, TorchRecords.storages(of: zip, in: folder))
    return storages.contains(where: \.isDeflated) ? nil : (storages, tensors.table)
  }

  private static func locate(
    _ storages: [TorchStorage], from start: Int = 0, in zip: ZipIndex, _ folder: String
  ) throws(CheckpointError) -> [TorchStorage] {
    var storages = storages
    for index in start..<storages.count where storages[index].contents == nil {
      try locate(&storages[index], in: zip, folder)
    }
    return storages
  }

  /// The name of the folder that contains all records.
  static func folder(of zip: ZipIndex) throws(CheckpointError) -> String {
    // The folder with its slash, with which all entries start.
    var start: Substring.UTF8View?
    for entry in zip.entries {
      if let start, entry.name.utf8.span.starts(with: start.span) { continue }
      guard let slash = entry.name.utf8.firstIndex(of: UInt8(ascii: "/")) else {
        throw CheckpointError(
          .unrecognized,
          "is a zip archive with \"\(entry.name.excerpt)\" outside any folder, not a torch "
            + "checkpoint", offset: entry.indexOffset)
      }
      let own = entry.name.utf8[...slash]
      if let start {
        throw .malformed(
          "the zip archive has two top folders, \"\(text(start.dropLast()).excerpt)\" and "
            + "\"\(text(own.dropLast()).excerpt)\"", at: entry.indexOffset)
      }
      start = own
    }
    return text(start?.dropLast() ?? "".utf8[...])
  }

  private static func text(_ units: Substring.UTF8View) -> String {
    String(decoding: units, as: UTF8.self)
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
      throw .malformed("the record \"version\" does not contain a number", at: entry.dataOffset)
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
      throw .malformed(
        "the record \"byteorder\" does not contain an order of bytes", at: entry.dataOffset)
    }
  }

  /// The text of a short record, without the newline at its end.
  private static func note(
    _ entry: ZipEntry, _ zip: ZipIndex, _ file: InputFile
  ) throws(CheckpointError) -> String {
    let bytes = try zip.contents(of: entry, in: file, limit: largestNote)
    return String(decoding: bytes.last == 0x0A ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }

  /// Finds the record of a storage, and checks its size.
  private static func locate(
    _ storage: inout TorchStorage, in zip: ZipIndex, _ folder: String
  ) throws(CheckpointError) {
    guard let place = zip.index(of: "\(folder)/\(storage.key)") else {
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
