// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("Arrays of bytes")
struct BytesTests {
  @Test("integers are appended lowest byte first")
  func integers() {
    var bytes: [UInt8] = [0xAA]
    bytes.appendLittleEndian(UInt16(0x0102))
    bytes.appendLittleEndian(Int32(-2))
    bytes.appendLittleEndian(UInt64(0x0102_0304_0506_0708))
    #expect(bytes == [0xAA, 2, 1, 0xFE, 0xFF, 0xFF, 0xFF, 8, 7, 6, 5, 4, 3, 2, 1])
  }

  @Test(
    "the lowest bytes of an integer",
    arguments: [
      (0x0102_0304, 0, []), (0x0102_0304, 2, [4, 3]), (-1, 3, [255, 255, 255]),
      (-2, 8, [254, 255, 255, 255, 255, 255, 255, 255]),
    ] as [(Int, Int, [UInt8])])
  func lowestBytes(value: Int, count: Int, expected: [UInt8]) {
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(value, byteCount: count)
    #expect(bytes == expected)
  }

  @Test("copies of other bytes, an array's own among them")
  func copies() {
    var bytes: [UInt8] = [1, 2, 3]
    let own = bytes
    bytes.append(copying: own.span.rawBytes)
    bytes.append(copying: own.span.rawBytes.extracting(1..<2))
    bytes.append(copying: RawSpan())
    #expect(bytes == [1, 2, 3, 1, 2, 3, 2])
  }

  @Test("filling an array leaves its copies as they were")
  func mutableRawBytes() {
    var bytes: [UInt8] = [1, 2, 3]
    let copy = bytes
    do {
      var raw = bytes.mutableRawBytes
      raw.storeBytes(of: 9, toByteOffset: 1, as: UInt8.self)
    }
    #expect(bytes == [1, 9, 3])
    #expect(copy == [1, 2, 3])
    var empty: [UInt8] = []
    #expect(empty.mutableRawBytes.byteCount == 0)
  }
}
