// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import Tensors
import Testing

@Suite struct RefusalTests {
  /// A document, the byte of the error, and words of the message. Python 3.11 refuses the same
  /// documents, except those with duplicate keys, NUL in keys and unpaired surrogates, which are
  /// refused by policy.
  static let documents: [(String, Int?, String)] = [
    ("", nil, "is empty"),
    (" \n", nil, "contains no JSON value"),
    ("[", 1, "expected a value, found the end, at line 1, column 2"),
    ("[1,]", 3, "expected a value, found ']'"),
    ("[1 2]", 3, "expected ',' or ']'"),
    ("[1}", 2, "expected ',' or ']'"),
    ("{\"a\":1,}", 7, "expected a key in double quotes, found '}'"),
    ("{\"a\" 1}", 5, "expected ':'"),
    ("{\"a\":}", 5, "expected a value"),
    ("{'a':1}", 1, "expected a key in double quotes, found '''"),
    ("{a:1}", 1, "expected a key in double quotes"),
    ("{\"a\":1]", 6, "expected ',' or '}'"),
    ("[1]\n x", 5, "expected the end after the JSON value, found 'x', at line 2, column 2"),
    ("1 2", 2, "expected the end"),
    ("1.", 2, "expected a digit"),
    (".5", 0, "expected a value"),
    ("+1", 0, "expected a value"),
    ("-", 1, "expected a digit"),
    ("--1", 1, "expected a digit"),
    ("1e", 2, "expected a digit"),
    ("1e+", 3, "expected a digit"),
    ("01", 0, "must not have a leading zero"),
    ("-01", 0, "must not have a leading zero"),
    ("0x1", 1, "expected the end"),
    ("1_000", 1, "expected the end"),
    ("tru", 0, "expected a value"),
    ("True", 0, "expected a value"),
    ("nan", 0, "expected a value"),
    ("-NaN", 1, "expected a digit"),
    ("-Inf", 1, "expected a value"),
    ("nulll", 4, "expected the end"),
    ("'a'", 0, "expected a value"),
    ("// c\n1", 0, "expected a value"),
    ("[1/**/]", 2, "expected ',' or ']'"),
    ("\u{A0}1", 0, "found byte 0xC2"),
    ("\u{B}1", 0, "found byte 0x0B"),
    ("\"abc", 0, "a string is not closed"),
    ("\"abc\\", 4, "a string is not closed"),
    ("\"a\nb\"", 2, "control character byte 0x0A, at line 1, column 3"),
    ("\"\u{0}\"", 1, "control character byte 0x00"),
    ("\"\\x41\"", 1, "'\\' before 'x'"),
    ("\"\\u12g4\"", 1, "four hexadecimal digits"),
    ("\"\\u12\"", 1, "four hexadecimal digits"),
    ("\"\\ud800\"", 1, "an unpaired surrogate, \\ud800"),
    ("\"\\udc00\"", 1, "an unpaired surrogate, \\udc00"),
    ("\"\\ud83d\\u0041\"", 1, "an unpaired surrogate"),
    ("\"\\ud83d\\ud83d\\ude00\"", 1, "an unpaired surrogate"),
    ("\"\\ud83d\\n\"", 1, "an unpaired surrogate"),
    ("{\"\\ud800\":1}", 2, "an unpaired surrogate"),
    ("{\"a\\u0000\":1}", 3, "a key contains NUL"),
    ("{\"a\":1,\"a\":2}", 7, "duplicate key \"a\" in an object, at line 1, column 8"),
    (
      "{\"a\":1,\n \"\\u0061\":1}", 9,
      "duplicate key \"a\" in an object, at line 2, column 2"
    ),
    ("{\"\":1,\"\":1}", 6, "duplicate key \"\""),
    ("[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]", 19, "duplicate key \"b\""),
    ("{\"\u{1F600}\":1,\"\\ud83d\\ude00\":2}", 10, "duplicate key \"\u{1F600}\""),
    ("{\"b\":1,\"a\":1,\"b\":2,\"a\":2}", 13, "duplicate key \"b\""),
    ("\u{FEFF}{}", 0, "byte order mark"),
  ]

  @Test(arguments: documents)
  func refuses(document: String, offset: Int?, message: String) throws {
    let error = try #require(refusal(document))
    #expect(error.code == .malformed)
    #expect(error.offset == offset)
    #expect(error.message.contains(message), "\(error.message)")
  }

  @Test(
    arguments: [
      ([0x22, 0xFF, 0x22], 1), ([0x22, 0xC3, 0x22], 1), ([0x22, 0xC0, 0x80, 0x22], 1),
      ([0x22, 0xED, 0xA0, 0x80, 0x22], 1), ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1),
      ([0x5B, 0x31, 0x5D, 0xE2, 0x80], 3),
    ] as [([UInt8], Int)])
  func refusesWhatIsNotUTF8(bytes: [UInt8], offset: Int) throws {
    let error = try #require(refusal(bytes))
    #expect(error.message.contains("is not UTF-8"))
    #expect(error.offset == offset)
  }

  @Test(arguments: [
    ("[1,", "cut off"), ("{\"a\": \"b", "cut off"), ("[1,]", "comma"),
    ("{'a': 1}", "double quotes"),
    ("# x\n{}", "comments"), ("[True]", "write true"), ("<!DOCTYPE html>", "HTML"),
    ("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ("\u{FEFF}{}", "without a byte order mark"),
  ])
  func hints(document: String, words: String) throws {
    let hint = try #require(refusal(document)?.hint)
    #expect(hint.contains(words))
  }

  @Test func refusesWhatWouldTakeTooMuchMemory() {
    let objects = "[" + String(repeating: "{},", count: JSONLimits.objectCount) + "{}]"
    #expect(refusal(objects)?.code == .unsupported)
    let values = "[" + String(repeating: "1,", count: JSONLimits.valueCount) + "1]"
    #expect(refusal(values)?.code == .unsupported)
    #expect(
      refusal([UInt8](repeating: 0x20, count: JSONLimits.byteCount + 1))?.code == .unsupported)
  }
}
