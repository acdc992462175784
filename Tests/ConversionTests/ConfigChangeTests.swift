// SPDX-License-Identifier: Apache-2.0
import Conversion
import JSONDocument
import Tensors
import Testing

@Suite("Changes of configs")
struct ConfigChangeTests {
  private func changes(_ left: String, _ right: String) throws -> [KeyChange<JSONValue>] {
    let documents = try [left, right].map { text in
      try #require(JSONValue(parsing: Array(text.utf8)).object)
    }
    return KeyChange.changes(from: documents[0], to: documents[1])
  }

  @Test(
    "the same as JSON values, whatever the order of keys (L28)",
    arguments: [
      ("{}", "{}"), (#"{"a": 1, "b": [1, 2]}"#, #"{"b":[1,2],"a":1}"#),
      (#"{"a": {"x": {"p": 1, "q": 2}, "y": 3}}"#, #"{"a": {"y": 3, "x": {"q": 2, "p": 1}}}"#),
      (#"{"a": "é"}"#, #"{"a": "\u00e9"}"#), (#"{"a": NaN}"#, #"{"a": NaN}"#),
      (#"{"a": 1e2}"#, #"{"a": 100.0}"#),
      (#"{"a": [{"x": 1, "y": 2}]}"#, #"{"a": [{"y": 2, "x": 1}]}"#),
    ])
  func same(left: String, right: String) throws {
    #expect(try changes(left, right).isEmpty)
    #expect(try changes(right, left).isEmpty)
  }

  @Test(
    "other values (L28)",
    arguments: [
      ("1", "1.0"), ("0.0", "-0.0"), ("null", "false"), ("1", "\"1\""), ("NaN", "\"NaN\""),
      ("[1, 2]", "[2, 1]"), ("\"é\"", "\"e\u{301}\""), (#"{"x": null}"#, "{}"),
      ("12345678901234567890123", "12345678901234567890124"),
    ])
  func changed(left: String, right: String) throws {
    let found = try changes("{\"a\": \(left), \"same\": 1}", "{\"same\": 1, \"a\": \(right)}")
    #expect(found.map(\.key) == ["a"])
    #expect(found.first?.left == (try JSONValue(parsing: Array(left.utf8))))
    #expect(found.first?.right == (try JSONValue(parsing: Array(right.utf8))))
  }

  @Test("added and removed keys, by their bytes, sorted (L28)")
  func keys() throws {
    let found = try changes(
      #"{"é": 1, "z": null, "m": 1}"#, "{\"e\u{301}\": 1, \"m\": 2, \"b\": null}")
    #expect(found.map(\.key) == ["b", "e\u{301}", "m", "z", "é"])
    #expect(found.map { $0.left != nil } == [false, false, true, true, true])
    #expect(found.map { $0.right != nil } == [true, true, true, false, false])
    #expect(found[0].right == .some(.null))
  }
}
