// SPDX-License-Identifier: Apache-2.0
import SafeTensors
import Tensors
import Testing

@Suite("Reading: the header as JSON (R7 to R12)")
struct JSONRuleTests {
  @Test(
    "R7: white space is space, line feed, carriage return and tab, between any tokens",
    arguments: [
      HeaderCase("before", " \n\r\t{\"x\":\(info())}", tensor: "x"),
      HeaderCase("after", "{\"x\":\(info())} \n\r\t", tensor: "x"),
      HeaderCase(
        "everywhere",
        "{ \n\"x\"\r:\t{ \"dtype\" : \"U8\" , \"shape\" : [ 4 ] , \"data_offsets\" : [ 0 , 4 ] } }",
        tensor: "x"),
      HeaderCase("in a tensor's array", "{\"x\": [ \"U8\" , [ 4 ] , [ 0 , 4 ] ] }", tensor: "x"),
      .ignored("in an ignored value", " [ 1 , { \"a\" : null } , [ ] , { } ] "),
    ])
  func whiteSpace(_ test: HeaderCase) throws {
    try test.expectAccepted()
  }

  @Test(
    "R7: no other character is white space, and nothing follows",
    arguments: [
      HeaderCase("form feed first", "‸\u{C}{}"), HeaderCase("vertical tab inside", "{‸\u{B}}"),
      HeaderCase("no-break space", "{}‸\u{A0}"), HeaderCase("byte order mark", "‸\u{FEFF}{}"),
      HeaderCase("NUL after", "{}‸\0\0"), HeaderCase("NUL before", "‸\0{}"),
      HeaderCase("text after", "{} ‸x"), HeaderCase("a second header", "{}‸{}"),
      HeaderCase("only white space", "   ‸"),
    ])
  func notWhiteSpace(_ test: HeaderCase) {
    test.expectRefused()
  }

  @Test(
    "R8: JSON to the letter",
    arguments: [
      HeaderCase("trailing comma", "{\"x\":\(info()),‸}"),
      HeaderCase("no comma", "{\"x\":\(info()) ‸\"y\":1}"),
      HeaderCase("only a comma", "{‸,}"), HeaderCase("unfinished", "{‸"),
      HeaderCase("unfinished key", "{\"x‸"), HeaderCase("no colon", "{\"x\" ‸", data: 0),
      HeaderCase("no value", "{\"x\":‸", tensor: "x"),
      HeaderCase("unfinished after a tensor", "{\"x\":\(info())‸"),
      HeaderCase("single quotes", "{‸'x':1}"), HeaderCase("bare key", "{‸x:1}"),
      HeaderCase("number as key", "{‸1:1}"), HeaderCase("comment", "{}‸//"),
      .x("comma after an extent", info("\"U8\"", "[4,‸]")),
      .x("comma before an extent", info("\"U8\"", "[‸,4]")),
      .x("no comma between extents", info("\"U8\"", "[4 ‸1]")),
      .x("wrong bracket", info("\"U8\"", "[4‸}")),
      .x("comma after a field", info(extra: ",‸")),
      .ignored("comma after an element", "[1,‸]"), .ignored("comma after a member", "{\"a\":1,‸}"),
      .ignored("no comma", "[1 ‸2]"), .ignored("wrong bracket", "[1‸}"),
      .ignored("number as key", "{‸1:2}"), .ignored("no colon", "{\"a\" ‸1}"),
      .ignored("nothing", "‸"), .ignored("NaN", "‸NaN"), .ignored("Infinity", "‸Infinity"),
      .ignored("-Infinity", "-‸Infinity"), .ignored("cut literal", "nu‸ "),
      .ignored("capital literal", "‸True"), .ignored("long literal", "null‸l"),
    ])
  func strict(_ test: HeaderCase) {
    test.expectRefused()
  }

  @Test(
    "R9: 127 levels are taken, 128 refused", arguments: [1, 2, 63, 64, 124, 125, 126, 127, 500])
  func depth(levels: Int) throws {
    // The header and the description are two levels.
    let isAccepted = levels <= 125
    let mark = isAccepted ? "" : "‸"
    let inside = min(levels, 125)
    let rest = max(0, levels - 125)
    for (open, close, innermost) in [("[", "]", ""), ("{\"a\":", "}", "1")] {
      let opening =
        String(repeating: open, count: inside) + mark + String(repeating: open, count: rest)
      let test = HeaderCase.ignored(
        "\(levels) of \(open)", opening + innermost + String(repeating: close, count: levels))
      if isAccepted { try test.expectAccepted() } else { test.expectRefused() }
    }
  }

  @Test("R9: a million brackets end in an error, not in a full stack")
  func bomb() {
    HeaderCase.ignored(
      "bomb", String(repeating: "[", count: 125) + "‸" + String(repeating: "[", count: 1_000_000)
    ).expectRefused()
  }

  @Test("R9: siblings are not levels")
  func siblings() throws {
    let many = String(repeating: "[[]],", count: 1000)
    try HeaderCase.ignored("siblings", "[\(many){}]").expectAccepted()
  }

  // What the reference takes and refuses; measured on 0.8.0.
  @Test(
    "R10: numbers whose value is finite",
    arguments: [
      "0", "-0", "-0.0", "1", "-1.5e-3", "1E+2", "1e2", "10.25", "0.000001", "1e308", "0e999",
      "1e-999", "0e99999999999999999999", "1e-99999999999999999999", "-0.0E+99999999999999999999",
      "1.7976931348623157e308", "17976931348623157e292", "18446744073709551615e288",
      "18446744073709551616", "1" + String(repeating: "0", count: 308),
      "0." + String(repeating: "0", count: 400) + "1",
      "0." + String(repeating: "0", count: 400) + "1e308",
    ])
  func numbers(text: String) throws {
    try HeaderCase.ignored(text, text).expectAccepted()
  }

  @Test(
    "R10: what is no number, or none of a finite value",
    arguments: [
      "0‸1", "-0‸1", "-‸", "‸+1", "‸.5", "1.‸", "1.‸e5", "1e‸", "1e+‸", "1e‸x", "0‸x10", "1‸_000",
      "1.0‸.0", "-‸-1", "‸1e309", "‸-1e309", "‸1e999", "‸1.8e308",
      "‸1.7976931348623158e308", "‸17976931348623158e292", "‸18446744073709551615e289",
      "‸1e99999999999999999999", "‸1" + String(repeating: "0", count: 309),
    ])
  func notNumbers(text: String) {
    HeaderCase.ignored(text, text).expectRefused()
  }

  @Test("R11: escapes mean what JSON says they mean")
  func escapes() throws {
    let spelled = #"\"\\\/\b\f\n\r\t\u0041\u00e9\u00E9\u20ac\ud83d\ude00\uD83D\uDE00\u0000\uffff"#
    let name = TensorName(
      "\"\\/\u{8}\u{C}\n\r\tA\u{E9}\u{E9}\u{20AC}\u{1F600}\u{1F600}\0\u{FFFF}")
    try HeaderCase("escapes", "{\"\(spelled)\":\(info())}", tensor: name).expectAccepted()
  }

  @Test("R11: from DEL upwards every character may stand for itself")
  func rawCharacters() throws {
    let name = "\u{7F}\u{80}\u{2028}\u{FFFD}\u{10FFFF} !#[]^~"
    try HeaderCase("raw", "{\"\(name)\":\(info())}", tensor: TensorName(name)).expectAccepted()
  }

  @Test("R11: no control character stands in a string", arguments: 0..<0x20)
  func controls(code: Int) throws {
    let control = try #require(Unicode.Scalar(UInt32(code)))
    // At each place of a word of eight bytes, which strings are scanned by.
    for before in ["", "1234567", "12345678", "1234567890123"] {
      HeaderCase("raw", "{\"\(before)‸\(Character(control))__________\":\(info())}").expectRefused()
    }
  }

  @Test(
    "R11: no other escapes, no half characters",
    arguments: [
      #"‸\x41"#, #"‸\U0041"#, #"‸\'"#, #"‸\a"#, #"‸\0"#, #"\u12‸"#, #"\u‸"#, #"\u‸+123"#,
      #"\u12‸G4"#, #"‸\ud800"#, #"‸\udc00"#, #"‸\udfff"#, #"‸\ude00\ud83d"#, #"‸\ud83dx"#,
      #"‸\ud83d\u0041"#, #"‸\ud83d\ud83d\ude00"#, #"‸\ud83d\n"#, #"\ud83d\ude‸"#,
      #"\u00‸é0"#, "\\u00‸\u{0661}0",
    ])
  func badEscapes(text: String) {
    HeaderCase("in a name: \(text)", "{\"\(text)\":\(info())}").expectRefused()
    HeaderCase.ignored("in an ignored value: \(text)", "\"\(text)\"").expectRefused()
    HeaderCase.x("in an ignored name: \(text)", info(extra: ",\"\(text)\":1")).expectRefused()
    HeaderCase("in metadata: \(text)", "{\"__metadata__\":{\"a\":\"\(text)\"}}").expectRefused()
  }

  @Test(
    "R12: other fields are ignored, names in them may come twice",
    arguments: [
      HeaderCase.ignored("null", "null"), .ignored("true", "true"), .ignored("false", "false"),
      .ignored("string", #""é\u0000""#), .ignored("empty array", "[]"),
      .ignored("empty object", "{}"), .ignored("nested", "[{\"a\":[null,{\"b\":[]}]},[[]]]"),
      .ignored("a key twice inside", "{\"a\":1,\"a\":2}"),
      .x("the field twice", info(extra: ",\"u\":1,\"u\":2")),
      .x("nearly a field", info(extra: ",\"Dtype\":1,\"shape \":2,\"data_offset\":3,\"\":4")),
      .x("first", "{\"u\":[],\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}"),
      .x("long enough for a word", info(extra: ",\"data_offsetz\":1,\"data_off\":1,\"dtyp\":1")),
    ])
  func ignored(_ test: HeaderCase) throws {
    try test.expectAccepted()
  }
}
