// SPDX-License-Identifier: Apache-2.0
internal import DistributedCheckpoint
internal import Pickle
internal import TorchCheckpoint
internal import Tensors

extension FileScan {
  /// Scans a file that starts as a pickle: the five pickles of the legacy format and its storages, or
  /// other pickles.
  mutating func scanPickleFile(_ bytes: RawSpan) {
    let place = Place(LegacyMagic.starts(bytes) ? "magic number" : "pickle")
    let (first, end) = scanPickle(bytes, at: 0, in: place, .init(keepsResult: true))
    guard case .bigInteger(let text) = first.result, Self.isMagic(bytes.array(text.range)) else {
      if first.isDistributedMetadata { return scanMetadata(bytes, from: end) }
      report.format = .pickle
      find(.unrecognized, "is a pickle of its own, not a checkpoint", in: nil, at: 0)
      return scanRest(bytes, from: end, in: Place("bytes after the pickle"))
    }
    report.format = .torchLegacy
    checkOtherFormats(bytes)
    scanLegacy(bytes, from: end)
  }

  /// Scans what follows the metadata of torch.distributed.checkpoint, which are one pickle.
  private mutating func scanMetadata(_ bytes: RawSpan, from end: Int) {
    report.format = .torchDistributed
    checkOtherFormats(bytes)
    guard end < bytes.byteCount else { return }
    find(
      .unaccounted, (bytes.byteCount - end).counting("byte", "follow") + " the metadata", in: nil,
      at: end)
    scanRest(bytes, from: end, in: Place("bytes after the metadata"))
  }

  /// Whether the bytes of a number, or its digits in protocols 0 and 1, are the magic number.
  private static func isMagic(_ bytes: [UInt8]) -> Bool {
    bytes == LegacyMagic.bytes
      || LegacyMagic.textForms.contains {
        $0.dropFirst().starts(with: bytes) && bytes.last == UInt8(ascii: "L")
      }
  }

  private mutating func scanLegacy(_ bytes: RawSpan, from start: Int) {
    var start = start
    var machines: [ScanMachine] = []
    let parts: [(name: String, dialect: PickleDialect)] = [
      ("version", .plain), ("system information", .plain), ("object", .torchLegacy),
      ("storage keys", .plain),
    ]
    for part in parts {
      guard start < bytes.byteCount else {
        return find(.truncated, "the file ends before its \(part.name)", in: nil, at: start)
      }
      let (machine, end) = scanPickle(
        bytes, at: start, in: Place(part.name),
        .init(dialect: part.dialect, keepsResult: part.dialect == .plain))
      start = end
      machines.append(machine)
      guard machine.pickle.isComplete else {
        return scanRest(bytes, from: end, in: Place("bytes after the \(part.name)"))
      }
    }
    if machines[0].result != .integer(LegacyMagic.version) {
      find(
        .malformed, "the version is not \(LegacyMagic.version)", in: "version",
        at: machines[0].pickle.offset)
    }
    guard case .dictionary = machines[1].result else {
      find(.malformed, "is not a dict", in: "system information", at: machines[1].pickle.offset)
      return scanRest(bytes, from: start, in: Place("storages"))
    }
    let place = machines[3].pickle.offset
    guard let keys = machines[3].texts(in: bytes.extracting(place..<start)) else {
      find(.malformed, "is not a list of text", in: "storage keys", at: place)
      return scanRest(bytes, from: start, in: Place("storages"))
    }
    walkStorages(bytes, from: start, keys, machines[2].storages)
  }

  /// Checks the storages after the pickles: a count and as many elements for each key.
  private mutating func walkStorages(
    _ bytes: RawSpan, from start: Int, _ keys: [String], _ named: [ScanStorage]
  ) {
    let itemSizes = Dictionary(named.map { ($0.key, $0.itemSize) }) { first, _ in first }
    var sizes: [String: Int] = [:]
    var reader = ByteReader(bytes.extracting(start..<bytes.byteCount), baseOffset: start)
    for key in keys {
      let offset = reader.offset
      guard let itemSize = itemSizes[key] else {
        find(.storage, "no tensor uses the storage \"\(key)\"", in: "storage keys", at: offset)
        return search(bytes, offset..<bytes.byteCount)
      }
      guard let count = try? reader.readLittleEndian(Int64.self), count >= 0,
        let byteCount = Int(count).multipliedWithoutOverflow(by: itemSize),
        (try? reader.readBytes(byteCount)) != nil
      else {
        find(.truncated, "the file ends inside the storage \"\(key)\"", in: "storages", at: offset)
        return search(bytes, offset..<bytes.byteCount)
      }
      if sizes.updateValue(byteCount, forKey: key) != nil {
        find(.storage, "the storage \"\(key)\" appears twice", in: "storage keys", at: offset)
      }
    }
    checkStorages(named, areAll: true, in: "object", against: sizes)
    guard reader.remaining > 0 else { return }
    find(
      .unaccounted, reader.remaining.counting("byte", "follow") + " the last storage", in: nil,
      at: reader.offset)
    scanRest(bytes, from: reader.offset, in: Place("bytes after the storages"))
  }
}

extension ScanMachine {
  /// Whether the pickle is the metadata of torch.distributed.checkpoint.
  fileprivate var isDistributedMetadata: Bool {
    guard case .instance(let index) = result, containers.indices.contains(Int(index)),
      let name = containers[Int(index)].global?.qualifiedName
    else { return false }
    return name.name == "Metadata" && name.module.hasSuffix(".checkpoint.metadata")
  }

  /// The texts of a pickle that is a list of text; nil for another pickle.
  func texts(in bytes: RawSpan) -> [String]? {
    guard case .list(let index) = result, containers.indices.contains(Int(index)) else {
      return nil
    }
    var texts: [String] = []
    for value in containers[Int(index)].elements {
      guard case .text(let text) = value else { return nil }
      texts.append(text.string(in: bytes))
    }
    return texts
  }
}

extension Int {
  /// The product; nil on overflow.
  func multipliedWithoutOverflow(by other: Int) -> Int? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }
}
