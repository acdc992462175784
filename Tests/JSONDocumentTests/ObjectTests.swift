// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import Testing

@Suite struct ObjectTests {
  /// Below and above the size from which keys are looked up through a table.
  @Test(arguments: [0, 1, 3, 11, 12, 13, 14, 100])
  func lookupReplaceInsertRemove(count: Int) {
    var object = JSONObject()
    for number in 0..<count { object["k\(number)"] = JSONValue(number) }
    #expect(object.count == count)
    #expect(object.map(\.key) == (0..<count).map { "k\($0)" })
    for number in 0..<count { #expect(object["k\(number)"]?.integer == number) }
    #expect(object["k"] == nil)

    object.insert("first", forKey: "new", at: 0)
    #expect(object.first?.key == "new")
    #expect(object.index(forKey: "new") == 0)
    object.insert("again", forKey: "new", at: object.count)
    #expect(object.first?.value == "again")
    object["last"] = nil
    #expect(object.count == count + 1)
    #expect(object.removeValue(forKey: "new") == "again")
    for number in stride(from: 0, to: count, by: 2) { object["k\(number)"] = nil }
    for number in 0..<count {
      #expect(object["k\(number)"]?.integer == (number.isMultiple(of: 2) ? nil : number))
    }
    object["k1"] = .null
    #expect(object.index(forKey: "k1") == (count > 1 ? 0 : object.count - 1))
  }

  @Test func keysAreBytes() {
    var object: JSONObject = ["\u{E9}": 1, "e\u{301}": 2]
    #expect(object["\u{E9}"] == 1)
    #expect(object["e\u{301}"] == 2)
    for number in 0..<20 { object["k\(number)"] = .null }
    #expect(object["\u{E9}"] == 1)
    #expect(object["e\u{301}"] == 2)
    #expect(object.count == 22)
  }

  /// The order is that of Python's `sorted`: by code point, not by UTF-16 unit.
  @Test func sortsByCodePoint() {
    var object: JSONObject = [
      "\u{1F600}": 1, "\u{FFFF}": 2, "\u{E000}": 3, "b": 4, "B": 5, "": 6, "ba": 7, "\u{E9}": 8,
    ]
    object.sortKeys()
    #expect(
      Array(object.keys) == ["", "B", "b", "ba", "\u{E9}", "\u{E000}", "\u{FFFF}", "\u{1F600}"])
    #expect(object["b"] == 4)
  }

  @Test func aKeyTwiceTraps() async {
    await #expect(processExitsWith: .failure) {
      _ = JSONObject(uniqueKeysWithValues: [("a", 1), ("a", 2)])
    }
  }

  @Test func integersOfEverySize() throws {
    let cases: [(String, String?)] = [
      ("0", "0"), ("-0", "0"), ("007", "7"), ("-12", "-12"), ("9223372036854775807", nil),
      ("-9223372036854775809", "-9223372036854775809"),
      ("00018446744073709551616", "18446744073709551616"),
    ]
    for (text, digits) in cases {
      let integer = try #require(JSONInteger(digits: text))
      #expect(integer.digits == digits ?? text)
      #expect(Int(exactly: integer) == Int(text))
      #expect(UInt64(exactly: integer) == UInt64(text))
      #expect(Double(integer) == Double(text))
    }
    for text in ["", "-", "+1", "1.0", "0x1", " 1", "1e3", "\u{661}"] {
      #expect(JSONInteger(digits: text) == nil)
    }
    #expect(JSONInteger(UInt64.max).digits == "18446744073709551615")
    #expect(Int8(exactly: JSONInteger(128)) == nil)
    #expect(JSONInteger(UInt8(5)) == 5)
  }
}
