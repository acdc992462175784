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

@Suite("Bytes in texts")
struct TextBytesTests {
  @Test("a text is found at every place, whatever comes before it")
  func places() {
    for before in 0..<20 {
      for length in 1..<12 {
        let mark = "." + String(repeating: "x", count: length - 1)
        let text = String(repeating: "y.", count: before) + "z" + mark + "w"
        #expect(text.containsBytes(of: mark))
        let expected = length == 1 ? (before == 0 ? "z" : "y") : String(text.dropLast(length + 1))
        #expect(text.prefix(before: mark) == expected)
      }
    }
  }

  @Test("bytes that are not there are not found")
  func absent() {
    #expect(!"model.layers.0.lora_A.weight".containsBytes(of: ".lora_B"))
    #expect(!"lora_".containsBytes(of: "lora_A"))
    #expect(!"".containsBytes(of: "a"))
    #expect("a".containsBytes(of: ""))
    #expect("ab".prefix(before: "c") == nil)
    // The bytes of one character in another: 0x80 and 0x01 differ in their highest bit alone.
    #expect(!"\u{80}\u{80}\u{80}\u{80}\u{80}".containsBytes(of: "\u{1}"))
  }

  @Test("components are separated by the byte of a dot")
  func components() {
    #expect("a.bc..d".components == ["a", "bc", "", "d"])
    #expect("".components == [""])
    #expect(".".components == ["", ""])
    #expect("a.b\u{301}.c"[...].dropFirst(2).components == ["b\u{301}", "c"])
    // Swift counts a dot with an accent as one character; Python sees a dot.
    #expect("a.\u{301}b".components.count == 2)
  }
}
