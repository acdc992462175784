// SPDX-License-Identifier: Apache-2.0
import Files
import SafeTensors
import Tensors
import TestSupport
import Testing

@Suite("Reading: the frame (R1 to R6)")
struct FrameRuleTests {
  static let header = "{\"x\":\(info())}"
  let bytes = Array(Self.header.utf8)
  let data: [UInt8] = [1, 2, 3, 4]

  @Test("R1: a file has at least 8 bytes", arguments: 0..<8)
  func shorterThanTheLength(count: Int) {
    let error = #expect(throws: CheckpointError.self) {
      try opened(Array(framed(bytes, data)[..<count]))
    }
    #expect(error?.code == .truncated)
    #expect(error?.offset == 0)
  }

  @Test("R2: the length is little endian and counts the padding")
  func lengthCountsPadding() throws {
    // 300 bytes: 0x012C, whose two bytes differ.
    let padded = bytes + [UInt8](repeating: 0x20, count: 300 - bytes.count)
    let file = framed(padded, data)
    #expect(file[0] == 0x2C && file[1] == 0x01)
    #expect(try opened(file).tensorCount == 1)
    let bigEndian = [0, 0, 0, 0, 0, 0, 0x01, 0x2C] + file[8...]
    #expect(throws: CheckpointError.self) { try opened(bigEndian) }
    #expect(throws: CheckpointError.self) { try opened(framed(padded, data, length: 299)) }
  }

  @Test(
    "R3: a header of 100,000,000 bytes is taken, of one more refused before its size is looked at")
  func largestHeader() throws {
    let directory = try TemporaryDirectory()
    let largest = bytes + [UInt8](repeating: 0x20, count: 100_000_000 - bytes.count)
    let path = try directory.write(framed(largest, data), to: "x")
    #expect(try SafeTensorsFile(path: path).tensorCount == 1)
    try directory.write(framed(largest + [0x20], data), to: "x")
    let error = #expect(throws: CheckpointError.self) { try SafeTensorsFile(path: path) }
    #expect(error?.code == .malformed)
    #expect(error?.offset == 0)
  }

  @Test(
    "R3: lengths that no memory holds are malformed, not allocated",
    arguments: [
      100_000_001, 0x8000_0000, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000,
      .max - 7, .max,
    ] as [UInt64])
  func hugeLength(length: UInt64) {
    let error = #expect(throws: CheckpointError.self) {
      try opened(framed(bytes, data, length: length))
    }
    #expect(error?.code == .malformed)
    #expect(error?.offset == 0)
  }

  @Test("R4: the header must be in the file", arguments: [1, 5, 99_999_000])
  func beyondTheFile(excess: Int) {
    let length = UInt64(bytes.count + data.count + excess)
    let error = #expect(throws: CheckpointError.self) {
      try opened(framed(bytes, data, length: length))
    }
    #expect(error?.code == .truncated)
    #expect(error?.offset == 8)
    #expect(error?.hint != nil)
  }

  @Test("R4: a header of no bytes is no header")
  func emptyHeader() {
    let error = #expect(throws: CheckpointError.self) { try opened(framed([])) }
    #expect(error?.code == .malformed)
    #expect(error?.offset == 8)
  }

  @Test(
    "R5: the header is UTF-8",
    arguments: [
      [0xFF], [0xC3], [0x80], [0xC0, 0x80], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x98],
    ] as [[UInt8]])
  func invalidUTF8(sequence: [UInt8]) {
    let spoiled = Array("{\"x".utf8) + sequence + Array("\":\(info())}".utf8)
    let error = #expect(throws: CheckpointError.self) { try opened(framed(spoiled, data)) }
    #expect(error?.code == .malformed)
    #expect(error?.offset == 8 + 3)
  }

  @Test("R5: also in trailing bytes that would be ignored, and after a byte order mark")
  func invalidUTF8AtTheEnd() {
    let error = #expect(throws: CheckpointError.self) { try opened(framed(bytes + [0xFF], data)) }
    #expect(error?.offset == 8 + bytes.count)
    let marked = #expect(throws: CheckpointError.self) {
      try opened(framed([0xEF, 0xBB, 0xBF] + bytes, data))
    }
    #expect(marked?.offset == 8)
  }

  @Test("R6: the data starts right after the header, aligned or not", arguments: 0..<9)
  func dataStart(padding: Int) throws {
    let padded = bytes + [UInt8](repeating: 0x20, count: padding)
    let file = try opened(framed(padded, data))
    #expect(try file.bytes(at: 0) == data)
  }
}
