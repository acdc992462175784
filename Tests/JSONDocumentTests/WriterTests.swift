// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import Testing

@Suite struct WriterTests {
  @Test func floatsReadAsPythonWritesThem() throws {
    let floats = vectors("floats.txt")
    #expect(floats.count == 500)
    for (bits, expected) in floats {
      let value = Double(bitPattern: try #require(UInt64(bits, radix: 16)))
      #expect(JSONValue.float(value).text(.python()) == expected)
      #expect(try parse(expected).float?.bitPattern == value.bitPattern, "\(expected)")
    }
  }

  @Test func notFiniteFloats() {
    let values: JSONValue = [.float(.nan), .float(-.nan), .float(.infinity), .float(-.infinity)]
    #expect(values.text(.python(indent: 0)) == "[\nNaN,\nNaN,\nInfinity,\n-Infinity\n]")
    #expect(values.text(.compact) == #"["NaN","NaN","Infinity","-Infinity"]"#)
  }

  @Test func piecesMakeADocument() {
    var writer = JSONWriter(.pretty)
    writer.beginObject()
    writer.key("z")
    writer.beginArray()
    writer.integer(-1)
    writer.integer(UInt64.max)
    writer.float(0.5)
    writer.bool(true)
    writer.bool(false)
    writer.null()
    writer.string("\u{E9}\n")
    writer.endArray()
    writer.key("a")
    writer.beginObject()
    writer.endObject()
    writer.key("v")
    writer.value(["k": [], "j": 1])
    let isCompleteInside = writer.isComplete
    #expect(!isCompleteInside)
    writer.endObject()
    let isComplete = writer.isComplete
    #expect(isComplete)
    #expect(
      String(decoding: writer.finish(), as: UTF8.self) == """
        {
          "z": [
            -1,
            18446744073709551615,
            0.5,
            true,
            false,
            null,
            "\u{E9}\\n"
          ],
          "a": {},
          "v": {
            "k": [],
            "j": 1
          }
        }
        """)
  }

  @Test func integersOfAnyNumberOfDigits() {
    var writer = JSONWriter(.compact)
    var expected: [String] = []
    writer.beginArray()
    var power: UInt = 1
    for _ in 1...20 {
      for value in [power - 1, power, power + 1] {
        writer.integer(value)
        expected.append(String(value))
      }
      power = power.multipliedReportingOverflow(by: 10).partialValue
    }
    for value in [Int.min, .min + 1, -10, -9, .max] {
      writer.integer(value)
      expected.append(String(value))
    }
    writer.integer(UInt.max)
    writer.endArray()
    expected.append("18446744073709551615")
    let text = String(decoding: writer.finish(), as: UTF8.self)
    #expect(text == "[" + expected.joined(separator: ",") + "]")
  }

  @Test func stringsOfAnyLength() {
    for style in [JSONStyle.compact, .python(indent: 0)] {
      for count in 0...40 {
        let text = String("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN".prefix(count))
        #expect(JSONValue.string(text).text(style) == "\"\(text)\"")
      }
    }
  }

  @Test func stringsInUTF8() {
    for text in ["", "a", "plain text of a name", "é\n\"", "\u{7F}\0", "\u{1F600}"] {
      for style in [JSONStyle.compact, .python()] {
        var writer = JSONWriter(style)
        writer.string(utf8: Array(text.utf8).span)
        let found = String(decoding: writer.finish(), as: UTF8.self)
        #expect(found == JSONValue.string(text).text(style))
      }
    }
    var writer = JSONWriter(.compact)
    writer.string(utf8: ([0x61, 0xFF] as [UInt8]).span)
    let repaired = String(decoding: writer.finish(), as: UTF8.self)
    #expect(repaired == "\"a\u{FFFD}\"")
  }

  @Test func drainsOnTheWay() {
    var whole: [UInt8] = []
    var writer = JSONWriter(.compact)
    writer.beginArray()
    for number in 0..<1000 {
      writer.integer(number)
      guard writer.byteCount > 64 else { continue }
      writer.drain { bytes in
        for index in 0..<bytes.byteCount {
          whole.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
      }
      let byteCount = writer.byteCount
      #expect(byteCount == 0)
    }
    writer.endArray()
    whole += writer.finish()
    let text = "[" + (0..<1000).map { String($0) }.joined(separator: ",") + "]"
    #expect(String(decoding: whole, as: UTF8.self) == text)
  }

  @Test func writesValuesNestedBeyondWhatIsParsed() {
    var value: JSONValue = []
    for _ in 0..<5000 { value = [value] }
    #expect(value.encoded(.compact).count == 2 * 5001)
  }

  /// Every code point below 0x300 and some beyond, against the rule of Python's encoder.
  @Test func escapesEveryCharacterByRule() throws {
    let scalars = (Array(0..<0x300) + [0x2028, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF])
      .compactMap { Unicode.Scalar(UInt32($0)) }
    for scalar in scalars {
      let text = String(Character(scalar))
      let ascii = JSONValue.string(text).text(.python())
      #expect(ascii.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
      #expect(try parse(ascii) == .string(text))
      let raw = JSONValue.string("x" + text).text(.compact)
      #expect(try parse(raw) == .string("x" + text))
      #expect(
        (raw.utf8.count == text.utf8.count + 3) == (scalar.value >= 0x20 && !"\"\\".contains(text)))
    }
  }

  /// What is special is found wherever it stands.
  @Test(arguments: [
    ("\"", #"\""#, #"\""#), ("\\", #"\\"#, #"\\"#), ("\u{1F}", #"\u001f"#, #"\u001f"#),
    ("\0", #"\u0000"#, #"\u0000"#), ("\u{7F}", #"\u007f"#, "\u{7F}"),
    ("\u{E9}", #"\u00e9"#, "\u{E9}"), (" ", " ", " "), ("~", "~", "~"),
  ])
  func escapesAnywhere(text: String, inASCII: String, inUTF8: String) {
    for count in 0..<20 {
      for position in 0...count {
        let before = String(repeating: "!", count: position)
        let after = String(repeating: "}", count: count - position)
        let value = JSONValue.string(before + text + after)
        #expect(value.text(.python()) == "\"" + before + inASCII + after + "\"")
        #expect(value.text(.compact) == "\"" + before + inUTF8 + after + "\"")
      }
    }
  }

  @Test func whatTheProgramSpellsIsWrittenAsItIs() {
    var writer = JSONWriter(.pretty)
    writer.beginObject()
    writer.key(plain: "a_key")
    writer.string(plain: "value")
    writer.key("b")
    writer.integer(Int.min)
    writer.key("c")
    writer.integer(UInt.max)
    writer.key("d")
    writer.integer(0)
    writer.endObject()
    #expect(
      String(decoding: writer.finish(), as: UTF8.self) == """
        {
          "a_key": "value",
          "b": -9223372036854775808,
          "c": 18446744073709551615,
          "d": 0
        }
        """)
  }

  /// Text of many sizes, so that it ends wherever memory may end, and lines of any depth.
  @Test func growsAndIndents() {
    for depth in 0..<40 {
      var writer = JSONWriter(.pretty)
      for _ in 0...depth { writer.beginArray() }
      let text = String(repeating: "x", count: 100 * depth)
      writer.string(text)
      for _ in 0...depth { writer.endArray() }
      var lines = (0...depth).map { String(repeating: " ", count: 2 * $0) + "[" }
      lines.append(String(repeating: " ", count: 2 * depth + 2) + "\"" + text + "\"")
      lines += (0...depth).reversed().map { String(repeating: " ", count: 2 * $0) + "]" }
      #expect(String(decoding: writer.finish(), as: UTF8.self) == lines.joined(separator: "\n"))
    }
  }

  @Test func misuseTraps() async {
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(.compact)
      writer.beginObject()
      writer.null()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(.compact)
      writer.beginArray()
      writer.endObject()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(.compact)
      writer.null()
      writer.null()
    }
    await #expect(processExitsWith: .failure) {
      let writer = JSONWriter(.compact)
      _ = writer.finish()
    }
  }
}
