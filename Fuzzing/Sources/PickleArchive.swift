// SPDX-License-Identifier: Apache-2.0
internal import Tensors
internal import ZipArchive

/// A torch file around a pickle, with storages of 64 bytes.
enum PickleArchive {
  static func bytes(around pickle: [UInt8]) -> [UInt8] {
    let data = [UInt8](0..<64)
    let records: [(name: String, data: [UInt8])] = [
      ("a/data.pkl", pickle), ("a/byteorder", Array("little".utf8)), ("a/data/0", data),
      ("a/data/1", data), ("a/version", Array("3\n".utf8)),
    ]
    var local: [UInt8] = []
    var index: [UInt8] = []
    for record in records {
      var checksum = Checksum()
      checksum.update(record.data.span.rawBytes)
      let name = Array(record.name.utf8)
      let size = littleEndian(record.data.count, 4)
      // Version, flags, method, time and date, then checksum, sizes and the length of the name.
      let common =
        [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0] + littleEndian(Int(checksum.value), 4) + size + size
        + littleEndian(name.count, 2)
      index +=
        [0x50, 0x4B, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 12)
        + littleEndian(local.count, 4) + name
      local += [0x50, 0x4B, 3, 4] + common + [0, 0] + name + record.data
    }
    let count = littleEndian(records.count, 2)
    return local + index + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count
      + littleEndian(index.count, 4) + littleEndian(local.count, 4) + [0, 0]
  }

  private static func littleEndian(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
