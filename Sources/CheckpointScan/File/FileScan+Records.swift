// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors
internal import ZipArchive

extension FileScan {
  /// Scans a record or file that must be a single pickle.
  @discardableResult
  mutating func scanRecord(
    _ bytes: RawSpan, _ range: Range<Int>, in place: Place,
    _ surroundings: ScanMachine.Surroundings
  ) -> ScanMachine {
    let record = bytes.extracting(0..<range.upperBound)
    let (machine, end) = scanPickle(record, at: range.lowerBound, in: place, surroundings)
    guard end < range.upperBound, machine.pickle.isComplete else {
      if end < range.upperBound { scanRest(record, from: end, in: place) }
      return machine
    }
    find(
      .unaccounted,
      (range.upperBound - end).counting("byte", "follow") + " the end of the pickle",
      in: place.name, at: end)
    scanRest(record, from: end, in: place)
    return machine
  }

  /// Scans the bytes after the end of a pickle, which may be or hide more pickles.
  mutating func scanRest(_ bytes: RawSpan, from start: Int, in place: Place) {
    var start = start
    while start < bytes.byteCount, report.pickleCount <= ScanLimits.pickles,
      Self.startsPickle(bytes.extracting(start..<bytes.byteCount))
    {
      find(.extraPickle, "another pickle follows", in: place.name, at: start)
      let (machine, end) = scanPickle(bytes, at: start, in: place, .init(dialect: .torch))
      guard end > start else { break }
      start = end
      if !machine.pickle.isComplete { break }
    }
    search(bytes, start..<bytes.byteCount, place: place)
  }

  /// Compares the storages that pickles name with the bytes that the file has for each.
  ///
  /// - Parameter areAll: whether all storages that pickles name are known.
  mutating func checkStorages(
    _ named: [ScanStorage], areAll: Bool, in place: String, against sizes: [String: Int]
  ) {
    var unnamed = Set(sizes.keys)
    var known: [String: Int] = [:]
    for storage in named {
      unnamed.remove(storage.key)
      if let other = known.updateValue(storage.byteCount, forKey: storage.key) {
        if other != storage.byteCount {
          find(
            .storage, "the storage \"\(storage.key)\" has two sizes", in: place,
            at: storage.offset)
        }
        continue
      }
      // torch writes empty storages for traced inputs.
      if sizes[storage.key] == 0, place.hasSuffix("/traced_inputs.pkl") { continue }
      guard let size = sizes[storage.key] else {
        find(.storage, "the storage \"\(storage.key)\" is missing", in: place, at: storage.offset)
        continue
      }
      if size < storage.byteCount || size - storage.byteCount >= storage.itemSize {
        find(
          .storage,
          "the storage \"\(storage.key)\" has \(size) bytes where the pickle says "
            + "\(storage.byteCount)", in: place, at: storage.offset)
      }
    }
    guard areAll else { return }
    for key in unnamed.sorted() {
      find(.storage, "no pickle uses the storage \"\(key)\"", in: nil, at: nil)
    }
  }
}
