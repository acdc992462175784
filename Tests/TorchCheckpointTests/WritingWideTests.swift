// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing

@testable import TorchCheckpoint

/// Sizes and places beyond 32 bits, without writing them.
@Suite("Writing beyond 4 GiB")
struct WritingWideTests {
  private func plan(of wide: WideVector) throws -> TorchPlan {
    let entries = try wide.sizes.map { size in
      TorchEntry(
        try TensorInfo(name: TensorName(size.name), dtype: .uint8, shape: [size.byteCount]))
    }
    return try TorchPlan(entries, path: wide.file, layout: .newest)
  }

  @Test("every record stands where torch puts it, in the same words")
  func records() throws {
    let wide = try WideVector.load()
    let plan = try plan(of: wide)
    #expect(plan.records.map(\.headerOffset) == wide.records.map(\.offset))
    #expect(plan.records.map(\.byteCount) == wide.records.map(\.size))
    for (record, expected) in zip(plan.records, wide.records) {
      #expect(hexadecimal(record.localHeader) == expected.header, "\(record.path)")
      let descriptor = record.descriptor(checksum: expected.checksum)
      #expect(hexadecimal(descriptor) == expected.descriptor, "\(record.path)")
    }
  }

  @Test("the directory and the id are those of torch")
  func directory() throws {
    let wide = try WideVector.load()
    let plan = try plan(of: wide)
    let checksums = wide.records.map(\.checksum)
    let id = plan.serializationID(checksums: Array(checksums.dropLast()))
    #expect(String(decoding: id, as: UTF8.self) == wide.serialization_id)
    #expect(hexadecimal(plan.directory(checksums: checksums)) == wide.directory)
  }

  @Test("the data of every record is aligned, up to the largest file")
  func alignment() throws {
    let sizes: [UInt] = [1, 1 << 33, 63, 0, 1 << 60, 65, (1 << 61) - 1, 7]
    for layout in TorchLayout.allCases {
      let entries = try sizes.enumerated().map { index, size in
        TorchEntry(try TensorInfo(name: TensorName("t\(index)"), dtype: .uint8, shape: [size]))
      }
      let plan = try TorchPlan(entries, path: "huge.bin", layout: layout)
      var offset = 0
      for record in plan.records {
        #expect(record.headerOffset == offset)
        #expect(record.dataOffset == offset + record.localHeader.count)
        #expect(record.dataOffset.isMultiple(of: 64))
        offset = record.dataOffset + record.byteCount + record.descriptor(checksum: 0).count
      }
      #expect(plan.directoryOffset == offset)
    }
  }

  @Test("more than 2^62 bytes are refused")
  func tooLarge() throws {
    let entries = try (0..<3).map { index in
      TorchEntry(
        try TensorInfo(name: TensorName("t\(index)"), dtype: .uint8, shape: [(1 << 61) - 1]))
    }
    let error = #expect(throws: CheckpointError.self) {
      try TorchPlan(entries, path: "huge.bin", layout: .newest)
    }
    #expect(error?.code == .unsupported)
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
