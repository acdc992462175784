// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Pickle
internal import Files
internal import Tensors

extension TorchContents {
  /// Reads the five pickles of a legacy file, and finds its storages.
  ///
  /// - Throws: `unrecognized` when it is another pickle; `malformed`, `truncated` or `unsupported` when
  ///   it is damaged or asks Python to run code.
  init(legacy file: InputFile, _ limits: PickleLimits) throws(CheckpointError) {
    let limits = limits.scaled(
      fileByteCount: file.byteCount, pickleByteCount: file.byteCount / 2)
    var pickles = PickleSequence(file, range: 0..<file.byteCount, limits: limits)
    try Self.readPreface(&pickles)
    var graph = try pickles.next(.torchLegacy)
    var table = StorageTable()
    try table.collect(&graph, fieldCounts: 6...6)
    let keyedCount = table.storages.count
    try table.collectArrays(&graph)
    try Self.locate(&table, count: keyedCount, after: &pickles)
    variant = .torchLegacy
    storages = table.storages
    zip = nil
    isBigEndian = false
    self.table = try TensorCollector.collect(
      graph, resolver: TensorResolver(storages: table), limits: limits,
      into: TensorTable(limits, fileByteCount: file.byteCount))
  }

  /// The way on from a file that `pickle.dump` wrote.
  private static let pickleHint =
    "such a file can do anything when Python loads it; if you trust its source, load it with pickle "
    + "and save its tensors with torch.save"

  /// Reads the magic number, the version, and the description of the machine that wrote the file.
  private static func readPreface(_ pickles: inout PickleSequence) throws(CheckpointError) {
    let magic: PickleGraph
    do throws(CheckpointError) {
      magic = try pickles.next(.names)
    } catch {
      guard error.code == .unsupported else {
        throw error.inContext("a Python pickle that is not a torch checkpoint")
      }
      throw CheckpointError(
        error.code, "a Python pickle that is not a torch checkpoint: \(error.message)",
        offset: error.offset, hint: Self.pickleHint)
    }
    guard magic.isBigInteger(LegacyMagic.bytes) else {
      throw CheckpointError(
        .unrecognized, "is a Python pickle, but not a torch checkpoint; nothing was executed",
        offset: 0, hint: pickleHint)
    }
    let versionOffset = pickles.offset
    let version = try pickles.next(.plain).root.int
    guard version == LegacyMagic.version else {
      throw CheckpointError(
        .unsupported, "has an unknown version of torch's legacy format", offset: versionOffset)
    }
    let systemOffset = pickles.offset
    let system = try pickles.next(.plain)
    guard let node = system.root.node, system.nodes[node].kind == .dict else {
      throw .malformed("the third pickle is not a dict about the machine", at: systemOffset)
    }
    let entries = system.allParts(of: node)
    for index in stride(from: 0, to: entries.count, by: 2)
    where system.isText(entries[index], "protocol_version") {
      guard entries[index + 1].int == LegacyMagic.version else {
        throw .malformed("the third pickle has another version of the format", at: systemOffset)
      }
    }
  }

  /// Reads the list of keys, and finds each storage after it, which follows its count of elements.
  ///
  /// - Parameter count: the number of storages that have a key.
  private static func locate(
    _ table: inout StorageTable, count: Int, after pickles: inout PickleSequence
  ) throws(CheckpointError) {
    let listOffset = pickles.offset
    let list = try pickles.next(.plain)
    guard let node = list.root.node, list.nodes[node].kind == .list else {
      throw .malformed("the list of storages is not a list", at: listOffset)
    }
    var located = [Bool](repeating: false, count: count)
    for value in list.allParts(of: node) {
      guard let key = list.string(value) else {
        throw .malformed("the list of storages contains a value that is not text", at: listOffset)
      }
      guard let index = table.index(of: key) else {
        throw .malformed(
          "the list of storages has \"\(key.excerpt)\", which no tensor uses", at: listOffset)
      }
      guard !located[index] else {
        throw .malformed("the list of storages has \"\(key)\" twice", at: listOffset)
      }
      located[index] = true
      let countOffset = pickles.offset
      let count = try pickles.takeCount()
      let storage = table.storages[index]
      guard count == storage.byteCount / storage.elementByteCount else {
        throw .malformed(
          "the storage \"\(key)\" has \(count) elements and "
            + "\(storage.byteCount / storage.elementByteCount) in the pickle", at: countOffset)
      }
      table.storages[index].start = pickles.offset
      do throws(CheckpointError) {
        try pickles.skip(storage.byteCount)
      } catch {
        throw error.inContext("the storage \"\(key)\"")
      }
    }
    if let missing = located.firstIndex(of: false) {
      throw .malformed(
        "the storage \"\(table.storages[missing].key)\" is missing from the list", at: listOffset)
    }
    guard pickles.remaining == 0 else {
      throw .malformed(
        pickles.remaining.counting("unexpected byte", "follow")
          + " the last storage", at: pickles.offset)
    }
  }
}

extension PickleSequence {
  /// Reads a count of elements: 8 bytes, little-endian.
  mutating func takeCount() throws(CheckpointError) -> Int64 {
    let start = offset
    let bytes = try take(8)
    var reader = ByteReader(bytes.span.rawBytes, baseOffset: start)
    return try reader.readLittleEndian(Int64.self)
  }
}

extension PickleGraph {
  /// Whether the whole pickle is this number, given in little-endian bytes.
  func isBigInteger(_ bytes: [UInt8]) -> Bool {
    guard case .bigInt = root.kind, let range = lastNumber else { return false }
    if self.bytes(range).elementsEqual(bytes) { return true }
    return LegacyMagic.textForms.contains {
      self.bytes(range).elementsEqual($0.dropFirst().dropLast(2))
    }
  }
}
