// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import Tensors
import Testing

/// Damaged and random documents: nothing may trap, and what parses must write and read the same.
@Suite struct HostileTests {
  static let document = Array(
    #"""
     {"a\u00e9\ud83d\ude00": [1, -2.5e+10, 123456789012345678901234567890, NaN, -Infinity, "\"\\\n"],
      "é😀": {"x": {"y": [[], {}, null, true, false]}, "": 1E400}, "k\u0065y": -0}
    """#.utf8)

  static let seeds = (0..<4).map { _ in UInt64.random(in: 0...UInt64.max) }

  /// Checks that the document is refused with its place, or survives being written and read.
  func check(_ bytes: [UInt8]) {
    do throws(CheckpointError) {
      let value = try JSONValue(parsing: bytes)
      for style in [JSONStyle.python(sortedKeys: false), .python(indent: 0, sortedKeys: false)] {
        let again = try JSONValue(parsing: value.encoded(style))
        #expect(again == value)
      }
      let strict = try JSONValue(parsing: value.encoded(.compact))
      #expect(strict.encoded(.compact) == value.encoded(.compact))
    } catch {
      #expect(error.code == .malformed)
      #expect(!error.message.contains("json-c"))
      #expect(error.offset ?? 0 <= bytes.count)
    }
  }

  @Test func everyTruncation() {
    let bytes = Self.document
    for count in 0..<bytes.count {
      #expect(refusal(Array(bytes[..<count])) != nil)
    }
    #expect(refusal(bytes) == nil)
  }

  @Test func everyByteReplaced() {
    for index in Self.document.indices {
      for byte in [0x00, 0x20, 0x22, 0x2C, 0x2D, 0x30, 0x5C, 0x5D, 0x7B, 0x7D, 0x80, 0xFF]
        as [UInt8]
      {
        var bytes = Self.document
        bytes[index] = byte
        check(bytes)
      }
    }
  }

  @Test(arguments: seeds)
  func randomMutations(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    for _ in 0..<500 {
      var bytes = Self.document
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: index)
        default:
          let piece = bytes[index..<min(index + 6, bytes.count)]
          bytes.insert(contentsOf: piece, at: Int.random(in: 0...bytes.count, using: &generator))
        }
      }
      check(bytes)
    }
  }

  @Test(arguments: seeds)
  func randomValuesSurvive(seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    for _ in 0..<100 {
      let value = randomValue(depth: 4, using: &generator)
      for style in [JSONStyle.python(sortedKeys: false), .python(indent: 0, sortedKeys: false)] {
        let again = try JSONValue(parsing: value.encoded(style))
        #expect(again == value)
      }
    }
  }

  func randomValue(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &generator))
    case 2: return .float(Double(bitPattern: generator.next()).canonicalNaN)
    case 3: return JSONValue(Int64(bitPattern: generator.next()))
    case 4:
      let digits = (0..<30).map { _ in String(Int.random(in: 0...9, using: &generator)) }.joined()
      return JSONInteger(digits: digits).map { .integer($0) } ?? .null
    case 5: return .string(randomString(using: &generator))
    case 6, 7:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0...16, using: &generator) {
        let key = randomString(using: &generator).filter { $0 != "\0" }
        object[key] = randomValue(depth: depth - 2, using: &generator)
      }
      return .object(object)
    default:
      return .array(
        (0..<Int.random(in: 0...6, using: &generator)).map { _ in
          randomValue(depth: depth - 1, using: &generator)
        })
    }
  }

  func randomString(using generator: inout SeededGenerator) -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0...8, using: &generator) {
      let limits: [UInt32] = [0x20, 0x80, 0x800, 0x1_0000, 0x11_0000]
      let limit = limits[Int.random(in: 0..<limits.count, using: &generator)]
      let value = UInt32.random(in: 0..<limit, using: &generator)
      text.unicodeScalars.append(Unicode.Scalar(value) ?? "\u{FFFD}")
    }
    return text
  }

  /// A listing of 100,000 tensors must take well below a second; quadratic code would take minutes.
  @Test(.timeLimit(.minutes(1)))
  func largeObjects() throws {
    var object = JSONObject()
    for number in 0..<100_000 { object["tensor.\(number).weight"] = "model-00001.safetensors" }
    let bytes = JSONValue.object(["weight_map": .object(object)]).encoded(.pretty)
    let map = try #require(try JSONValue(parsing: bytes)["weight_map"]?.object)
    #expect(map == object)
    for member in object { #expect(map[member.key] != nil) }
  }
}

extension Double {
  /// JSON keeps no sign and payload of a NaN.
  fileprivate var canonicalNaN: Double { isNaN ? .nan : self }
}
