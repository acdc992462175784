// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import Tensors
import Testing

/// Documents that Python has read and written.
@Suite struct FixtureTests {
  @Test func foldersAreThere() {
    #expect(!fixtures("json/accept", suffix: ".json").isEmpty)
    #expect(!fixtures("json/refuse", suffix: ".json").isEmpty)
    #expect(!fixtures("configs", suffix: ".json").isEmpty)
  }

  @Test(arguments: fixtures("json/accept", suffix: ".json"))
  func accepts(_ name: String) throws {
    let value = try JSONValue(parsing: fixture(name))
    let expected = try fixture(name.dropLast(".json".count) + ".expected")
    #expect(value.encoded(.python()) == expected)
    for style in [JSONStyle.python(indent: 0, sortedKeys: false), .compact, .pretty] {
      let again = try JSONValue(parsing: value.encoded(style))
      #expect(style.quotesNonFinite || again == value)
    }
  }

  @Test(arguments: fixtures("json/refuse", suffix: ".json"))
  func refuses(_ name: String) throws {
    let error = try #require(try refusal(fixture(name)))
    #expect(error.code == .malformed)
    #expect(!error.message.contains("json-c"))
  }

  /// PEFT has written these with `json.dumps(x, indent=2, sort_keys=True)`.
  @Test(arguments: fixtures("configs", suffix: ".json"))
  func rewritesConfigs(_ name: String) throws {
    let bytes = try fixture(name)
    #expect(try JSONValue(parsing: bytes).encoded(.python()) == bytes)
  }
}
