// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import Tensors
import Testing

@Suite struct ParsingTests {
  /// A document, `json.dumps(x, indent=2, sort_keys=True)` of it, and
  /// `json.dumps(x, separators=(",", ":"), ensure_ascii=False)` with NaN and infinities as strings:
  /// written by Python 3.11.
  static let documents: [(String, String, String)] = [
    (
      #""\"\\\/\b\f\n\r\t""#,
      #""\"\\/\b\f\n\r\t""#,
      #""\"\\/\b\f\n\r\t""#
    ),
    (
      #""\u0000\u0001\u001f\u007f\u0080""#,
      #""\u0000\u0001\u001f\u007f\u0080""#,
      #""\u0000\u0001\u001f\#u{7f}\#u{80}""#
    ),
    (
      #""\#u{7f}""#,
      #""\u007f""#,
      #""\#u{7f}""#
    ),
    (
      #""\#u{e9} e\#u{301} \#u{df}""#,
      #""\u00e9 e\u0301 \u00df""#,
      #""\#u{e9} e\#u{301} \#u{df}""#
    ),
    (
      #""\u00e9\u00C9""#,
      #""\u00e9\u00c9""#,
      #""\#u{e9}\#u{c9}""#
    ),
    (
      #""\ud83d\ude00\uD83D\uDE00""#,
      #""\ud83d\ude00\ud83d\ude00""#,
      #""\#u{1f600}\#u{1f600}""#
    ),
    (
      #""\#u{1f600}""#,
      #""\ud83d\ude00""#,
      #""\#u{1f600}""#
    ),
    (
      #""\uffff\ufffe\ufeff""#,
      #""\uffff\ufffe\ufeff""#,
      #""\#u{ffff}\#u{fffe}\#u{feff}""#
    ),
    (
      #""\#u{2028}\#u{2029}\#u{feff}""#,
      #""\u2028\u2029\ufeff""#,
      #""\#u{2028}\#u{2029}\#u{feff}""#
    ),
    (
      #"{"b":1,"a":2,"B":3,"":4}"#,
      #"{\#n  "": 4,\#n  "B": 3,\#n  "a": 2,\#n  "b": 1\#n}"#,
      #"{"b":1,"a":2,"B":3,"":4}"#
    ),
    (
      #"{"\#u{ffff}":1,"\#u{10000}":2,"\#u{e000}":3,"z":4}"#,
      #"{\#n  "z": 4,\#n  "\ue000": 3,\#n  "\uffff": 1,\#n  "\ud800\udc00": 2\#n}"#,
      #"{"\#u{ffff}":1,"\#u{10000}":2,"\#u{e000}":3,"z":4}"#
    ),
    (
      #"{"\#u{e9}":1,"e\#u{301}":2}"#,
      #"{\#n  "e\u0301": 2,\#n  "\u00e9": 1\#n}"#,
      #"{"\#u{e9}":1,"e\#u{301}":2}"#
    ),
    (
      #"{"a\nb":1,"a\u0001":2,"a\u0022":3}"#,
      #"{\#n  "a\u0001": 2,\#n  "a\nb": 1,\#n  "a\"": 3\#n}"#,
      #"{"a\nb":1,"a\u0001":2,"a\"":3}"#
    ),
    (
      #"[]"#,
      #"[]"#,
      #"[]"#
    ),
    (
      #"{}"#,
      #"{}"#,
      #"{}"#
    ),
    (
      #"[[],{}]"#,
      #"[\#n  [],\#n  {}\#n]"#,
      #"[[],{}]"#
    ),
    (
      #"{"a":{},"b":[]}"#,
      #"{\#n  "a": {},\#n  "b": []\#n}"#,
      #"{"a":{},"b":[]}"#
    ),
    (
      #"[1,[2,[3]],{"k":[4]}]"#,
      #"[\#n  1,\#n  [\#n    2,\#n    [\#n      3\#n    ]\#n  ],\#n  {\#n    "k": [\#n      4\#n    ]\#n  }\#n]"#,
      #"[1,[2,[3]],{"k":[4]}]"#
    ),
    (
      #" \#t\#r\#n[ 1 , 2 ]\#n"#,
      #"[\#n  1,\#n  2\#n]"#,
      #"[1,2]"#
    ),
    (
      #"[true,false,null,NaN,Infinity,-Infinity]"#,
      #"[\#n  true,\#n  false,\#n  null,\#n  NaN,\#n  Infinity,\#n  -Infinity\#n]"#,
      #"[true,false,null,"NaN","Infinity","-Infinity"]"#
    ),
    (
      #"{"z":{"b":1,"a":[{"d":1,"c":2}]}}"#,
      #"{\#n  "z": {\#n    "a": [\#n      {\#n        "c": 2,\#n        "d": 1\#n      }\#n    ],\#n    "b": 1\#n  }\#n}"#,
      #"{"z":{"b":1,"a":[{"d":1,"c":2}]}}"#
    ),
    (
      #"[""]"#,
      #"[\#n  ""\#n]"#,
      #"[""]"#
    ),
    (
      #"-5"#,
      #"-5"#,
      #"-5"#
    ),
    (
      #"1e5"#,
      #"100000.0"#,
      #"100000.0"#
    ),
    (
      #"[-0,-0.0,0]"#,
      #"[\#n  0,\#n  -0.0,\#n  0\#n]"#,
      #"[0,-0.0,0]"#
    ),
  ]

  @Test(arguments: documents)
  func writesAsPythonDoes(document: String, python: String, compact: String) throws {
    let value = try parse(document)
    // By bytes: String equality would hold canonical equivalents equal.
    #expect(Array(value.text(.python()).utf8) == Array(python.utf8))
    #expect(Array(value.text(.compact).utf8) == Array(compact.utf8))
  }

  @Test func numbersReadAsPythonReadsThem() throws {
    let numbers = vectors("numbers.txt")
    #expect(numbers.count == 200)
    for (document, expected) in numbers {
      #expect(try parse(document).text(.python()) == expected, "\(document)")
      let members = try parse("{\"a\": [\(document), 1, \(document)]}")
      #expect(
        members.text(.python(indent: 0)) == "{\n\"a\": [\n\(expected),\n1,\n\(expected)\n]\n}")
    }
  }

  /// json-c 0.16 loses the escaped characters whose low 16 bits look like a surrogate; so take one of
  /// every 64, in values and keys, next to other escapes, and all around the edges.
  @Test func everySurrogatePair() throws {
    var scalars = stride(from: 0x10000, through: 0x10FFFF, by: 64).map { $0 }
    for plane in 1...16 {
      scalars += [0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000].map { plane << 16 | $0 }
    }
    let texts = scalars.compactMap { Unicode.Scalar(UInt32($0)) }.map { "a\n\($0)\u{301}\"\($0)" }
    let value = JSONValue.array(texts.map { ["k\($0)": .string($0)] })
    for style in [JSONStyle.python(), .compact] {
      #expect(try JSONValue(parsing: value.encoded(style)) == value)
    }
  }

  @Test func kindsAndAccessors() throws {
    let value = try parse(#"{"n":null,"b":true,"i":7,"f":0.5,"s":"x","a":[1],"o":{}}"#)
    #expect(value["n"]?.isNull == true)
    #expect(value["b"]?.bool == true)
    #expect(value["i"]?.integer == 7)
    #expect(value["i"]?.number == 7)
    #expect(value["i"]?.float == nil)
    #expect(value["f"]?.float == 0.5)
    #expect(value["f"]?.integer == nil)
    #expect(value["s"]?.string == "x")
    #expect(value["a"]?.array == [1])
    #expect(value["o"]?.object == JSONObject())
    #expect(value["missing"] == nil)
    let kinds = [
      "null", "a boolean", "an integer", "a float", "a string", "an array", "an object",
    ]
    #expect(value.object?.values.map(\.kindName) == kinds)
    #expect(value.kindName == "an object")
  }

  @Test func keepsTheOrderOfMembers() throws {
    let object = try #require(try parse(#"{"b":1,"a":{"d":1,"c":2},"0":3}"#).object)
    #expect(Array(object.keys) == ["b", "a", "0"])
    #expect(JSONValue.object(object).text(.compact) == #"{"b":1,"a":{"d":1,"c":2},"0":3}"#)
  }

  @Test func valuesAreEqualWhenTheyWriteTheSame() throws {
    #expect(try parse("NaN") == parse("NaN"))
    #expect(try parse("-0.0") != parse("0.0"))
    #expect(try parse("-0") == parse("0"))
    #expect(try parse("1") != parse("1.0"))
    #expect(try parse("\"\u{E9}\"") != parse("\"e\u{301}\""))
    #expect(try parse(#"{"a":1,"b":2}"#) != parse(#"{"b":2,"a":1}"#))
    #expect(try Set([parse("NaN"), parse("NaN"), parse("[1]"), parse("[1]")]).count == 2)
  }

  @Test func nestsToTheLimit() throws {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
      for core in ["1", "null", "[]", "{}", "\"\""] {
        let isContainer = core == "[]" || core == "{}"
        let depth = JSONLimits.depth - (isContainer ? 1 : 0)
        let fits =
          String(repeating: open, count: depth) + core + String(repeating: close, count: depth)
        #expect(try parse(fits).text(.compact) == fits)
        #expect(refusal(open + fits + close)?.message.contains("nests deeper than 512") == true)
      }
    }
    let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)
    #expect(refusal(deep)?.offset == 512)
  }

  @Test func longIntegersHaveTheLimitOfPython() throws {
    let longest = String(repeating: "7", count: 4300)
    #expect(try parse(longest).text(.python()) == longest)
    #expect(try parse("[-\(longest),1]").text(.compact) == "[-\(longest),1]")
    #expect(refusal(longest + "7")?.code == .malformed)
    #expect(refusal("-" + longest + "7")?.code == .malformed)
    #expect(try parse(longest + "7.0").float == .infinity)
  }

  @Test func spansParseAsArraysDo() throws {
    let bytes = Array("[1, \"x\"]".utf8)
    let expected: JSONValue = [1, "x"]
    #expect(try JSONValue(parsing: bytes.span) == expected)
    #expect(try JSONValue(parsing: bytes.span.bytes) == expected)
  }
}
