// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing

@testable import NumPyArchive

/// Sizes and places beyond 31 and 32 bits, without writing them.
@Suite("Writing beyond 4 GiB")
struct WideTests {
  @Test("headers, descriptors and directory are those of Python's zipfile (N22)")
  func wide() throws {
    let wide = try WrittenVectors.load().wide
    let tensors = try wide.members.map {
      try TensorInfo(name: TensorName($0.name), dtype: .uint8, shape: [$0.byte_count])
    }
    let layout = try NpzLayout(tensors: tensors)
    var file: [UInt8] = []
    var written: [NpzRecord.Written] = []
    for (record, member) in zip(layout.records, wide.members) {
      let size = record.array.byteCount
      file += record.localHeader + record.array.prefix
      // The vector leaves large data out.
      if member.byte_count < 1 << 24 {
        file += [UInt8](repeating: 0, count: Int(member.byte_count))
      }
      file += NpzRecord.descriptor(
        NpzRecord.Written(
          headerOffset: member.offset, storedByteCount: size, checksum: member.checksum),
        byteCount: size)
      written.append(
        NpzRecord.Written(
          headerOffset: member.offset, storedByteCount: size, checksum: member.checksum))
    }
    let last = try #require(layout.dataRange(of: tensors.count - 1))
    let directoryOffset = last.upperBound + 24
    file += NpzRecord.directory(of: layout.records, written, at: directoryOffset)
    #expect(file == bytes(hexadecimal: wide.file))
    for (index, member) in wide.members.enumerated() {
      let range = try #require(layout.dataRange(of: index))
      let record = layout.records[index]
      #expect(
        range.lowerBound == member.offset + record.localHeaderByteCount + record.array.prefix.count)
      #expect(range.count == Int(member.byte_count))
    }
  }

  @Test("more than 2^62 bytes are refused")
  func tooLarge() throws {
    let largest: UInt = (1 << 61) - 1
    for extents in [[largest, largest], [largest, 0, largest, 1]] {
      let tensors = try extents.enumerated().map {
        try TensorInfo(name: TensorName("t\($0)"), dtype: .uint8, shape: [$1])
      }
      let error = #expect(throws: CheckpointError.self) { try NpzLayout(tensors: tensors) }
      #expect(error?.code == .unsupported)
    }
  }
}
