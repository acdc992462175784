// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import NumPyArchive
import Tensors
import TestSupport
import Testing

/// An array that must be refused, and the words of its refusal.
struct HostileArray: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  let code: CheckpointError.Code
  let says: String

  var testDescription: String { name }

  init(
    _ name: String, _ bytes: [UInt8], _ code: CheckpointError.Code = .malformed, says: String
  ) {
    self.name = name
    self.bytes = bytes
    self.code = code
    self.says = says
  }

  /// The dict of a good array of six bytes.
  static let good = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }"
  static let six: [UInt8] = [1, 2, 3, 4, 5, 6]

  /// The dict with a part replaced.
  private static func dict(_ old: String, _ new: String) -> [UInt8] {
    rawArray(good.replacing(old, with: new), data: six)
  }

  static let frames: [HostileArray] = [
    .init(
      "another version", rawArray(good, data: six, version: [4, 0]), .unsupported, says: "4.0"),
    .init(
      "a minor version", rawArray(good, data: six, version: [1, 1]), .unsupported, says: "1.1"),
    .init("version 0", rawArray(good, data: six, version: [0, 0]), .unsupported, says: "0.0"),
    .init("nothing after the magic", Array(rawArray(good).prefix(6)), .truncated, says: "8 bytes"),
    .init("cut in the length", Array(rawArray(good).prefix(9)), .truncated, says: "2 bytes"),
    .init("cut in the dict", Array(rawArray(good).prefix(40)), .truncated, says: "too early"),
    .init(
      "a huge header",
      Array(rawArray("", version: [2, 0]).prefix(8)) + [0xFF, 0xFF, 0xFF, 0xFF], says: "length"),
    .init(
      "a header beyond the limit",
      rawArray(String(repeating: " ", count: 65_537), version: [3, 0]),
      says: "65536"),
    .init("no data", rawArray(good), .truncated, says: "0 are left"),
    .init("short data", rawArray(good, data: [1, 2, 3, 4, 5]), .truncated, says: "5 are left"),
    .init("long data", rawArray(good, data: six + [7]), says: "1 unexpected byte"),
    .init("two arrays", rawArray(good, data: six + rawArray(good, data: six)), says: "unexpected"),
  ]

  static let dicts: [HostileArray] = [
    .init("an empty header", rawArray(""), says: "not a dict"),
    .init("spaces only", rawArray("   \n"), says: "not a dict"),
    .init("an empty dict", rawArray("{}"), says: "no \"descr\""),
    .init("a list", rawArray("['descr']"), says: "not a dict"),
    .init("an open dict", rawArray("{'descr': '|u1', "), says: "quoted string"),
    .init("no descr", dict("'descr': '|u1', ", ""), says: "no \"descr\""),
    .init("no order", dict("'fortran_order': False, ", ""), says: "no \"fortran_order\""),
    .init("no shape", dict("'shape': (2, 3), ", ""), says: "no \"shape\""),
    .init("another key", dict("{", "{'x': 1, "), says: "key \"x\""),
    .init("descr twice", dict("{", "{'descr': '<f4', "), says: "duplicate key"),
    .init("order twice", dict("{", "{'fortran_order': True, "), says: "duplicate key"),
    .init("shape twice", dict("{", "{'shape': (6,), "), says: "duplicate key"),
    .init("a key without quotes", dict("'descr'", "descr"), says: "quoted string"),
    .init("a key in bytes", dict("'descr'", "b'descr'"), says: "quoted string"),
    .init("mixed quotes", dict("'descr'", "'descr\""), says: "colon"),
    .init("an open text", rawArray("{'descr"), says: "does not end"),
    .init("a backslash", dict("'descr'", "'d\\x65scr'"), says: "backslash"),
    .init("a backslash at the end", rawArray("{'descr\\"), says: "backslash"),
    .init("joined texts", dict("'|u1'", "'|' 'u1'"), says: "not a NumPy type"),
    .init("no colon", dict("'descr':", "'descr'"), says: "colon"),
    .init("no comma", dict("False,", "False"), says: "comma"),
    .init("two commas", dict("False,", "False,,"), says: "quoted string"),
    .init("a comma first", dict("{", "{,"), says: "quoted string"),
    .init("something behind", dict("}", "} ;"), says: "follows"),
    .init("a comment", dict("}", "} # x"), says: "follows"),
    .init("a call", dict("'|u1'", "__import__('os')"), says: "quoted string"),
    .init("an order of 1", dict("False", "1"), says: "neither"),
    .init("an order in small letters", dict("False", "false"), says: "neither"),
    .init("an order with more", dict("False", "Falsetto"), says: "comma"),
    .init("a NUL", dict("False", "False\0"), says: "comma"),
    .init("a vertical tab", dict("}", "}\u{0B}"), says: "follows"),
    .init("a vertical tab within", dict(", 'shape", ",\u{0B}'shape"), says: "quoted string"),
    .init("a line feed in front", dict("{", "\n {"), says: "not a dict"),
    .init("no-break space", dict(", 'shape", ",\u{A0}'shape"), says: "quoted string"),
  ]

  static let shapes: [HostileArray] = [
    .init("a list", dict("(2, 3)", "[2, 3]"), says: "not a tuple"),
    .init("a number", dict("(2, 3)", "6"), says: "not a tuple"),
    .init("a number in brackets", dict("(2, 3)", "(6)"), says: "not a tuple"),
    .init("a comma only", dict("(2, 3)", "(,)"), says: "not a tuple"),
    .init("two commas", dict("(2, 3)", "(2,, 3)"), says: "not a tuple"),
    .init("an open tuple", rawArray("{'shape': (2, 3"), says: "not a tuple"),
    .init("an open bracket", rawArray("{'shape': ("), says: "not a tuple"),
    .init("nested", dict("(2, 3)", "((2, 3),)"), says: "not a tuple"),
    .init(
      "nested deeply", dict("(2, 3)", String(repeating: "(", count: 60_000)), says: "not a tuple"),
    .init("negative", dict("(2, 3)", "(-2, 3)"), says: "negative"),
    .init("signed", dict("(2, 3)", "(+2, 3)"), says: "not a tuple"),
    .init("a fraction", dict("(2, 3)", "(2.0, 3)"), says: "not a tuple"),
    .init("hexadecimal", dict("(2, 3)", "(0x2, 3)"), says: "not a tuple"),
    .init("leading zero", dict("(2, 3)", "(02, 3)"), says: "not a tuple"),
    .init("underscore", dict("(2, 3)", "(2_0, 3)"), says: "not a tuple"),
    .init("a truth", dict("(2, 3)", "(True, 6)"), says: "not a tuple"),
    .init("a product", dict("(2, 3)", "(2*3,)"), says: "not a tuple"),
    .init("2^63", dict("(2, 3)", "(9223372036854775808,)"), says: "2^63"),
    .init(
      "many digits", dict("(2, 3)", "(\(String(repeating: "9", count: 5000)),)"), says: "2^63"),
    .init(
      "product beyond 64 bits", dict("(2, 3)", "(4294967296, 4294967296, 2)"), says: "impossible"),
    .init(
      "intermediate product", dict("(2, 3)", "(4294967296, 4294967296, 0)"), says: "impossible"),
    .init(
      "bits beyond 64", dict("(2, 3)", "(9223372036854775807,)"), says: "impossible"),
    .init(
      "more than there is", dict("(2, 3)", "(1152921504606846976,)"), .truncated, says: "6 are"),
    .init(
      "65 extents", dict("(2, 3)", "(\(String(repeating: "1, ", count: 65)))"), says: "64"),
    .init(
      "long in version 3",
      rawArray(good.replacing("2, 3", with: "2L, 3L"), data: six, version: [3, 0]),
      says: "not a tuple"),
  ]

  static let types: [HostileArray] = [
    .init("no order for more than a byte", dict("|u1", "|u2"), says: "not a NumPy type"),
    .init("native order", dict("|u1", "=u2"), says: "not a NumPy type"),
    .init("no order at all", dict("|u1", "u1"), says: "not a NumPy type"),
    .init("an odd size", dict("|u1", "<f3"), says: "not a NumPy type"),
    .init("leading zero", dict("|u1", "|u01"), says: "not a NumPy type"),
    .init("no size", dict("|u1", "<f"), says: "not a NumPy type"),
    .init("a huge size", dict("|u1", "<V99999999999999999999"), says: "not a NumPy type"),
    .init("an empty text", dict("|u1", ""), says: "not a NumPy type"),
    .init("a name", dict("|u1", "float32"), says: "not a NumPy type"),
    .init("a sum", dict("|u1", "u1,u1"), says: "not a NumPy type"),
    .init("objects", dict("|u1", "|O"), .unsupported, says: "nothing was executed"),
    .init("objects of 8 bytes", dict("|u1", "|O8"), .unsupported, says: "nothing was executed"),
    .init(
      "objects in a field", dict("'|u1'", "[('a', '<f4'), ('b', '|O')]"), .unsupported,
      says: "nothing was executed"),
    .init("fields", dict("'|u1'", "[('a', '<f4')]"), .unsupported, says: "structured"),
    .init("a subarray", dict("'|u1'", "('<f4', (2,))"), .unsupported, says: "structured"),
    .init("open fields", rawArray("{'descr': [('a', '<f4')"), says: "does not end"),
    .init("crossed brackets", dict("'|u1'", "[('a', '<f4'])"), says: "do not match"),
    .init("a brace in fields", dict("'|u1'", "[{}]"), says: "do not match"),
    .init(
      "deep fields", rawArray("{'descr': " + String(repeating: "[", count: 60_000)),
      says: "does not end"),
    .init("open text in fields", rawArray("{'descr': [('a"), says: "does not end"),
    .init("escape at the end in fields", rawArray("{'descr': ['\\"), says: "does not end"),
  ]
}

@Suite("Hostile arrays")
struct HostileArrayTests {
  @Test("the array that they are made of is good")
  func good() throws {
    let directory = try TemporaryDirectory()
    let file = rawArray(HostileArray.good, data: HostileArray.six)
    let archive = try NumPyFile(array: InputFile(path: directory.write(file, to: "x.npy")))
    #expect(try data(of: archive, at: 0)[0] == HostileArray.six)
    // What Python takes and NumPy may write: other quotes, order and spaces, no last comma.
    let other = "{\t\"shape\":(2,3,),\n 'fortran_order' :False,'descr':\"<u1\"}"
    #expect(
      try NumPyFile(
        array: InputFile(
          path: directory.write(rawArray(other, data: HostileArray.six), to: "y.npy"))
      )
      .tensor(at: 0).shape == [2, 3])
  }

  @Test(
    "is refused on its own, in an archive, and in a compressed one (N3 to N12)",
    arguments: HostileArray.frames + HostileArray.dicts + HostileArray.shapes + HostileArray.types)
  func refused(_ hostile: HostileArray) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(hostile.bytes, to: "x.npy")
    let error = #expect(throws: CheckpointError.self) {
      try readAll(NumPyFile(array: InputFile(path: path)))
    }
    #expect(error?.code == hostile.code, "\(error?.description ?? "")")
    #expect(error?.path == path)
    #expect(error?.offset != nil)
    #expect(error?.description.contains(hostile.says) == true, "\(error?.description ?? "")")
    for method in [0, 8] as [UInt16] {
      let zip = RawZip([
        try .init("good.npy", rawArray(HostileArray.good, data: HostileArray.six)),
        try .init("bad.npy", hostile.bytes, method: method),
      ])
      let path = try directory.write(zip.bytes(), to: "\(method).npz")
      if hostile.code == .unsupported, hostile.says == "structured" {
        let archive = try NumPyFile(archive: InputFile(path: path))
        #expect(archive.skipped.map(\.name) == ["bad"])
        #expect(archive.skipped.first?.isTensor == true)
        continue
      }
      let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: path) }
      #expect(error?.code == hostile.code, "\(error?.description ?? "")")
      #expect(error?.path == path)
      #expect(error?.tensor == "bad")
    }
  }

  @Test(
    "what NumPy holds and tensors do not is refused by name (N8)",
    arguments: [
      ("objects.npy", "nothing was executed"), ("object-field.npy", "nothing was executed"),
      ("objects.npz", "nothing was executed"), ("complex128.npy", "complex128"),
      ("text.npy", "string"), ("records.npy", "structured"), ("void.npy", "eight bits or fewer"),
    ])
  func unheld(_ name: String, _ word: String) throws {
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint.open(path: vectors + "refused/" + name)
    }
    #expect(error?.code == .unsupported)
    #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
  }
}
