// SPDX-License-Identifier: Apache-2.0
import Foundation
import JSONDocument
import PEFT
import Tensors
import TestSupport
import Testing

/// The paths of all configs that some PEFT release wrote.
func writtenConfigs() throws -> [String] {
  let configs = try files(below: Fixtures.path("configs"))
    .filter { $0.hasSuffix(".json") }.map { Fixtures.path("configs/" + $0) }
  let adapters = try files(below: Fixtures.path("adapters"))
    .filter { $0.hasSuffix("adapter_config.json") }.map { Fixtures.path("adapters/" + $0) }
  return configs + adapters
}

/// Decodes a config from text.
func config(_ text: String) throws(CheckpointError) -> AdapterConfig {
  try AdapterConfig(parsing: Array(text.utf8))
}

@Suite("The config file")
struct ConfigFileTests {
  @Test("what PEFT wrote is written back, byte for byte (C4)")
  func reproducesPEFT() throws {
    let paths = try writtenConfigs()
    #expect(paths.count > 90)
    for path in paths {
      #expect(try AdapterConfig(path: path).encoded() == bytes(of: path), "\(path)")
    }
  }

  @Test("objects are written as Python writes them (C1, C3)")
  func writesAsPython() throws {
    let names = try files(below: Fixtures.path("json/accept")).filter { $0.hasSuffix(".json") }
    var objects = 0
    for name in names {
      let path = Fixtures.path("json/accept/" + name)
      let source = try bytes(of: path)
      let expected = try bytes(of: String(path.dropLast(5)) + ".expected")
      guard expected.first == UInt8(ascii: "{") else {
        let error = #expect(throws: CheckpointError.self, "\(name)") {
          try AdapterConfig(parsing: source)
        }
        #expect(error?.message.hasPrefix("a config must be a JSON object, but this is") == true)
        continue
      }
      objects += 1
      #expect(try AdapterConfig(parsing: source).encoded() == expected, "\(name)")
    }
    #expect(objects > 10)
  }

  @Test(
    "numbers, text and emptiness as Python spells them (C3)",
    arguments: [
      ("1e-5", "1e-05"), ("1E22", "1e+22"), ("-0.0", "-0.0"), ("1.0", "1.0"),
      ("NaN", "NaN"), ("-Infinity", "-Infinity"), ("{ }", "{}"), ("[ ]", "[]"),
      ("100000000000000000000000000", "100000000000000000000000000"),
      (#""é😀/""#, #""\u00e9\ud83d\ude00/""#),
    ])
  func spelling(value: String, expected: String) throws {
    let written = try config("{\"b\":1,\"a\":\(value)}").encoded()
    #expect(String(decoding: written, as: UTF8.self) == "{\n  \"a\": \(expected),\n  \"b\": 1\n}")
  }

  @Test("whatever JSON Python refuses is refused, and what it would lose (C2)")
  func refusals() throws {
    let names = try files(below: Fixtures.path("json/refuse"))
    #expect(names.count > 90)
    for name in names {
      let path = Fixtures.path("json/refuse/" + name)
      let error = #expect(throws: CheckpointError.self, "\(name)") { try AdapterConfig(path: path) }
      #expect(error?.path == path, "\(name)")
    }
  }

  @Test(
    "a config is an object (C2)",
    arguments: [
      ("[1]", "an array"), ("1", "an integer"), ("null", "null"), ("\"a\"", "a string"),
    ])
  func notAnObject(text: String, kind: String) {
    let error = #expect(throws: CheckpointError.self) { try config(text) }
    #expect(error?.code == .malformed)
    #expect(error?.message == "a config must be a JSON object, but this is \(kind)")
  }

  @Test(
    "refused with the byte (C2)",
    arguments: [
      (#"{"a":1,"a":2}"#, 7), (#"{"a\u0000":1}"#, nil), (#"{"a":"\ud800"}"#, nil), (#"{"a":}"#, 5),
    ] as [(String, Int?)])
  func refusedWithPlace(text: String, offset: Int?) {
    let error = #expect(throws: CheckpointError.self) { try config(text) }
    #expect(error?.code == .malformed)
    #expect(error?.offset != nil)
    if let offset { #expect(error?.offset == offset) }
  }

  @Test("keys that nobody knows stay, at every level, and the order is Python's (C5)")
  func keepsUnknownKeys() throws {
    let text = #"{"z_new": {"b": [1, {"y": null, "x": 1E5}], "a": 1e400}, "peft_type": "LORA"}"#
    let written = String(decoding: try config(text).encoded(), as: UTF8.self)
    #expect(
      written == """
        {
          "peft_type": "LORA",
          "z_new": {
            "a": Infinity,
            "b": [
              1,
              {
                "x": 100000.0,
                "y": null
              }
            ]
          }
        }
        """)
  }

  @Test("two spellings of é are two keys (C6)")
  func keysAreBytes() throws {
    let decoded = try config("{\"e\u{301}\": 1, \"\u{E9}\": 2}")
    #expect(decoded.document.count == 2)
    #expect(decoded.document["\u{E9}"]?.integer == 2)
    #expect(decoded.document["e\u{301}"]?.integer == 1)
    #expect(
      String(decoding: decoded.encoded(), as: UTF8.self)
        == "{\n  \"e\\u0301\": 1,\n  \"\\u00e9\": 2\n}")
  }

  @Test("a missing file is named (C18)")
  func missingFile() throws {
    let error = #expect(throws: CheckpointError.self) { try AdapterConfig(path: "/nowhere/x.json") }
    #expect(error?.code == .missing)
    #expect(error?.path == "/nowhere/x.json")
  }
}
