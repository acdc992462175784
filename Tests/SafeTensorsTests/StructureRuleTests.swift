// SPDX-License-Identifier: Apache-2.0
import SafeTensors
import Tensors
import Testing

@Suite("Reading: what the header says (R13 to R17)")
struct StructureRuleTests {
  @Test("R13: names are text of any kind", arguments: ["", " ", "a/b", "\0", "é", "e\u{301}", "😀"])
  func names(name: String) throws {
    let spelled = name == "\0" ? "\\u0000" : name
    let file = try HeaderCase("", "{\"\(spelled)\":\(info())}", tensor: TensorName(name))
      .expectAccepted()
    #expect(Array(file.tensor(at: 0).name.string.utf8) == Array(name.utf8))
  }

  @Test("R13: names that look the same and are not are two tensors")
  func namesAreBytes() throws {
    let text =
      "{\"é\":\(info("\"U8\"", "[1]", "[0,1]")),\"e\\u0301\":\(info("\"U8\"", "[3]", "[1,4]"))}"
    let file = try HeaderCase("", text).expectAccepted()
    #expect(file.tensorCount == 2)
    #expect(try #require(file.index(of: "\u{E9}")) == 0)
    #expect(try #require(file.index(of: "e\u{301}")) == 1)
  }

  @Test("R13: no tensors are fine")
  func noTensors() throws {
    #expect(try HeaderCase("", "{}", data: 0).expectAccepted().tensorCount == 0)
  }

  @Test(
    "R13: the header is an object",
    arguments: [
      HeaderCase("array", "‸[]"), HeaderCase("string", "‸\"x\""), HeaderCase("number", "‸1"),
      HeaderCase("null", "‸null"),
    ])
  func notAnObject(_ test: HeaderCase) {
    test.expectRefused()
  }

  static let longName = String(repeating: "n", count: 100)

  @Test(
    "R14: no name of a tensor comes twice",
    arguments: [
      HeaderCase("same", "{\"x\":\(info()),\"x\":\(info())}", tensor: "x"),
      HeaderCase("other spelling", "{\"x\":\(info()),\"\\u0078\":\(info())}", tensor: "x"),
      HeaderCase(
        "first unusable",
        "{\"x\":\(info("\"U8\"", "[9]", "[0,1]")),\"x\":\(info())}", tensor: "x"),
      HeaderCase(
        "one after another in the data",
        "{\"x\":\(info("\"U8\"", "[2]", "[0,2]")),\"x\":\(info("\"U8\"", "[2]", "[2,4]"))}",
        tensor: "x"),
      HeaderCase(
        "long", "{\"\(longName)\":\(info()),\"\(longName)\":\(info())}",
        tensor: TensorName(longName)),
      HeaderCase("empty name", "{\"\":\(info()),\"\":\(info())}", tensor: ""),
    ])
  func duplicateNames(_ test: HeaderCase) {
    test.expectRefused()
  }

  @Test("R14: one name among thousands that comes twice is found", arguments: [1, 77, 4999])
  func duplicateAmongMany(number: Int) {
    let empty = info("\"U8\"", "[0]", "[0,0]")
    let names = (0..<5000).map { "h.\($0).weight" } + ["h.\(number).weight"]
    let text = "{" + names.map { "\"\($0)\":\(empty)" }.joined(separator: ",") + "}"
    HeaderCase("", text, data: 0, tensor: TensorName(names[number])).expectRefused()
  }

  @Test(
    "R14: no key of the metadata comes twice",
    arguments: [
      HeaderCase("same", "{\"__metadata__\":{\"a\":\"1\",\"‸a\":\"1\"}}"),
      HeaderCase("other spelling", "{\"__metadata__\":{\"a\":\"1\",\"‸\\u0061\":\"2\"}}"),
      HeaderCase("empty", "{\"__metadata__\":{\"\":\"1\",\"‸\":\"2\"}}"),
    ])
  func duplicateKeys(_ test: HeaderCase) {
    test.expectRefused()
  }

  @Test("R15: metadata is absent, null or an object of strings, in the order of the file")
  func metadata() throws {
    func metadata(_ text: String) throws -> ArchiveMetadata? {
      try HeaderCase("", text, data: 0).expectAccepted().metadata
    }
    #expect(try metadata("{}") == nil)
    #expect(try metadata("{\"__metadata__\":null}") == nil)
    #expect(try metadata("{\"__metadata__\":{}}") == [:])
    #expect(
      try metadata(#"{"__metadata__":{"b":"1","a":"\u00e9","é":"","e\u0301":"x"}}"#)
        == ["b": "1", "a": "é", "\u{E9}": "", "e\u{301}": "x"])
    #expect(try metadata(#"{"\u005f_metadata__":{"a":"b"}}"#) == ["a": "b"])
    let last = "{\"x\":\(info()),\"__metadata__\":{\"a\":\"b\"}}"
    #expect(try HeaderCase("", last).expectAccepted().metadata == ["a": "b"])
  }

  @Test(
    "R15: names near __metadata__ are tensors", arguments: ["__metadata_", "__METADATA__", "x"])
  func nearMetadata(name: String) throws {
    try HeaderCase("", "{\"\(name)\":\(info())}", tensor: TensorName(name)).expectAccepted()
  }

  @Test(
    "R15: nothing else is metadata",
    arguments: [
      HeaderCase("array", "{\"__metadata__\":‸[]}"), HeaderCase("number", "{\"__metadata__\":‸1}"),
      HeaderCase("string", "{\"__metadata__\":‸\"a\"}"),
      HeaderCase("false", "{\"__metadata__\":‸false}"),
      HeaderCase("null in it", "{\"__metadata__\":{\"a\":‸null}}"),
      HeaderCase("number in it", "{\"__metadata__\":{\"a\":‸1}}"),
      HeaderCase("object in it", "{\"__metadata__\":{\"a\":‸{}}}"),
      HeaderCase("array in it", "{\"__metadata__\":{\"a\":‸[]}}"),
      HeaderCase("a tensor", "{\"__metadata__\":{\"dtype\":\"U8\",\"shape\":‸[4]}}"),
      HeaderCase("twice", "{\"__metadata__\":{},\"‸__metadata__\":{}}"),
      HeaderCase("null twice", "{\"__metadata__\":null,\"‸__metadata__\":null}"),
      HeaderCase("twice, escaped", "{\"__metadata__\":{},\"‸__metadat\\u0061__\":{}}"),
    ])
  func notMetadata(_ test: HeaderCase) {
    test.expectRefused()
  }

  @Test(
    "R16: a tensor is an object of three fields, or an array of the three in order",
    arguments: [
      HeaderCase.x("usual", info()),
      .x("other order", "{\"data_offsets\":[0,4],\"shape\":[4],\"dtype\":\"U8\"}"),
      .x(
        "escaped names", "{\"\\u0064type\":\"U8\",\"sh\\u0061pe\":[4],\"data\\u005foffsets\":[0,4]}"
      ),
      .x("an array", "[\"U8\",[4],[0,4]]"),
    ])
  func description(_ test: HeaderCase) throws {
    try test.expectAccepted()
  }

  @Test(
    "R16: nothing else describes a tensor",
    arguments: [
      HeaderCase.x("null", "‸null"), .x("string", "‸\"U8\""), .x("number", "‸1"),
      .x("no fields", "{}‸"), .x("no dtype", "{\"shape\":[4],\"data_offsets\":[0,4]}‸"),
      .x("no shape", "{\"dtype\":\"U8\",\"data_offsets\":[0,4]}‸"),
      .x("no data_offsets", "{\"dtype\":\"U8\",\"shape\":[4]}‸"),
      .x("dtype twice", info(extra: ",\"‸dtype\":\"U8\"")),
      .x("shape twice", info(extra: ",\"‸shape\":[4]")),
      .x("data_offsets twice", info(extra: ",\"‸data_offsets\":[0,4]")),
      .x("dtype twice, escaped", info(extra: ",\"‸\\u0064type\":\"U8\"")),
      .x("empty array", "[]‸"), .x("array of one", "[\"U8\"]‸"),
      .x("array of two", "[\"U8\",[4]]‸"),
      .x("array of four", "[\"U8\",[4],[0,4],‸1]"), .x("array reordered", "[‸[4],\"U8\",[0,4]]"),
    ])
  func notADescription(_ test: HeaderCase) {
    test.expectRefused()
  }

  /// The names of spec/safetensors.md, with the bytes that 8 elements take.
  static let allDTypes: [(name: String, byteCount: Int)] = [
    ("U64", 64), ("I64", 64), ("F64", 64), ("C64", 64), ("F32", 32), ("U32", 32), ("I32", 32),
    ("BF16", 16), ("F16", 16), ("U16", 16), ("I16", 16), ("F8_E5M2FNUZ", 8), ("F8_E4M3FNUZ", 8),
    ("F8_E8M0", 8), ("F8_E4M3", 8), ("F8_E5M2", 8), ("I8", 8), ("U8", 8), ("F6_E3M2", 6),
    ("F6_E2M3", 6), ("F4", 4), ("BOOL", 8),
  ]

  @Test("R17: 22 dtypes, as string or as object with null", arguments: allDTypes)
  func dtypes(name: String, byteCount: Int) throws {
    let escaped = "\\u00" + String(try #require(name.utf8.first), radix: 16) + name.dropFirst()
    for spelling in [
      "\"\(name)\"", "\"\(escaped)\"", "{\"\(name)\":null}", "{ \"\(name)\" : null }",
    ] {
      let text = info(spelling, "[2,4]", "[0,\(byteCount)]")
      let file = try HeaderCase.x(spelling, text, data: byteCount).expectAccepted()
      #expect(file.tensor(at: 0).dtype.name == name)
    }
    let array = "[{\"\(name)\":null},[2,4],[0,\(byteCount)]]"
    try HeaderCase.x("array", array, data: byteCount).expectAccepted()
  }

  @Test(
    "R17: no other dtypes",
    arguments: [
      "\"‸F128\"", "\"‸u8\"", "\"‸\"", "\"‸U8 \"", "\"‸uint8\"", "\"‸Bool\"", "\"‸F8\"",
      "\"‸U8\\u0000\"",
      "\"‸F8_E4M3FN\"", "‸8", "‸null", "‸[\"U8\"]", "{‸}", "{\"U8\":‸1}", "{\"U8\":‸{}}",
      "{\"U8\":‸[]}", "{\"U8\":null,‸\"U8\":null}", "{\"‸u8\":null}",
    ])
  func notDTypes(spelling: String) {
    HeaderCase.x(spelling, info(spelling)).expectRefused()
    HeaderCase.x(spelling, "[\(spelling),[4],[0,4]]").expectRefused()
  }

  @Test("R17: extents are sizes of 64 bits, any number of them")
  func shapes() throws {
    for (text, dimensions) in [
      ("[]", []), ("[1]", [1]), ("[1,1,1]", [1, 1, 1]),
    ] as [(String, [UInt])] {
      let file = try HeaderCase.x(text, info("\"U8\"", text, "[0,1]"), data: 1).expectAccepted()
      #expect(file.tensor(at: 0).shape.dimensions == dimensions)
    }
    for largest in [
      "9999999999999999999", "10000000000000000000", "18446744073709551615", "9223372036854775808",
    ] {
      let text = info("\"U8\"", "[0,\(largest)]", "[0,0]")
      let file = try HeaderCase.x(largest, text, data: 0).expectAccepted()
      #expect(file.tensor(at: 0).shape.dimensions == [0, try #require(UInt(largest))])
    }
    let many = "[" + String(repeating: "1,", count: 300) + "4]"
    #expect(
      try HeaderCase.x("", info("\"U8\"", many)).expectAccepted().tensor(at: 0).shape.rank == 301)
  }

  @Test(
    "R17: nothing else is a size",
    arguments: [
      "‸-1", "‸-0", "‸0.0", "‸4.0", "‸4e0", "‸4E0", "0‸4", "0‸0", "‸+4", "0‸x4", "4.‸",
      "‸18446744073709551616", "‸100000000000000000000", "‸1e999", "‸NaN", "‸null", "‸true",
      "‸\"4\"",
      "‸[4]", "‸{}",
    ])
  func notSizes(text: String) {
    HeaderCase.x("extent", info("\"U8\"", "[\(text)]")).expectRefused()
    HeaderCase.x("second extent", info("\"U8\"", "[4,\(text)]")).expectRefused()
    HeaderCase.x("begin", info("\"U8\"", "[4]", "[\(text),4]")).expectRefused()
    HeaderCase.x("end", info("\"U8\"", "[4]", "[0,\(text)]")).expectRefused()
  }

  @Test(
    "R17: shape and data_offsets are arrays, data_offsets of two",
    arguments: [
      HeaderCase.x("shape null", info("\"U8\"", "‸null")), .x("shape 4", info("\"U8\"", "‸4")),
      .x("shape {}", info("\"U8\"", "‸{}")), .x("shape string", info("\"U8\"", "‸\"4\"")),
      .x("offsets null", info("\"U8\"", "[4]", "‸null")),
      .x("offsets {}", info("\"U8\"", "[4]", "‸{\"0\":0,\"1\":4}")),
      .x("no offsets", info("\"U8\"", "[4]", "[‸]")),
      .x("one offset", info("\"U8\"", "[4]", "[4]‸")),
      .x("three offsets", info("\"U8\"", "[4]", "[0,4,‸8]")),
    ])
  func notArrays(_ test: HeaderCase) {
    test.expectRefused()
  }
}
