// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import SafeTensors
import Tensors
import Testing

/// Tensors `a`, `b`, ... of U8 with these offsets, as many extents as bytes.
private func layout(_ offsets: [(Int, Int)], data: Int, tensor: TensorName? = nil) -> HeaderCase {
  let infos = zip("abcdefgh", offsets).map { name, range in
    "\"\(name)\":\(info("\"U8\"", "[\(range.1 - range.0)]", "[\(range.0),\(range.1)]"))"
  }
  return HeaderCase(
    "\(offsets) over \(data)", "{" + infos.joined(separator: ",") + "}", data: data, tensor: tensor)
}

@Suite("Reading: the data section (R18 to R22)")
struct DataRuleTests {
  @Test("R18: data without gap or overlap, in any order of the header; empty tensors at any seam")
  func contiguous() throws {
    for (offsets, order) in [
      ([(0, 4)], "a"), ([(0, 1), (1, 4)], "ab"), ([(3, 4), (0, 3)], "ba"),
      ([(2, 3), (3, 4), (0, 2)], "cab"), ([(0, 0), (0, 4)], "ab"), ([(0, 4), (0, 0)], "ba"),
      ([(0, 4), (4, 4)], "ab"), ([(4, 4), (0, 4)], "ba"), ([(0, 2), (2, 2), (2, 4)], "abc"),
      ([(2, 4), (2, 2), (0, 2)], "cba"), ([(4, 4), (4, 4), (0, 4), (0, 0), (0, 0)], "decab"),
    ] as [([(Int, Int)], String)] {
      let file = try layout(offsets, data: 4).expectAccepted()
      #expect(file.tensors.map(\.name.string).joined() == order, "\(offsets)")
      for tensor in file.tensors {
        let range = try #require(tensor.dataOffsets)
        let index = try #require(file.index(of: tensor.name))
        #expect(try file.bytes(at: index) == range.map { UInt8($0 + 1) })
      }
    }
  }

  @Test(
    "R18: gaps and overlaps",
    arguments: [
      layout([(1, 5)], data: 5, tensor: "a"), layout([(1, 1)], data: 1, tensor: "a"),
      layout([(0, 1), (2, 4)], data: 4, tensor: "b"),
      layout([(2, 4), (0, 1)], data: 4, tensor: "a"),
      layout([(0, 3), (2, 4)], data: 4, tensor: "b"),
      layout([(0, 4), (0, 4)], data: 4, tensor: "b"),
      layout([(0, 4), (2, 2)], data: 4, tensor: "b"),
      layout([(0, 4), (5, 5)], data: 4, tensor: "b"),
      layout([(0, 4), (5, 5)], data: 5, tensor: "b"),
      layout([(0, 4), (0, 2)], data: 4, tensor: "a"),
      .x("end before begin", info("\"U8\"", "[4]", "[4,0]")),
      .x("end before begin, empty", info("\"U8\"", "[0]", "[1,0]"), data: 0),
      .x(
        "no place for begin", info("\"U8\"", "[0]", "[18446744073709551615,18446744073709551615]")),
      .x("at the limit", info("\"U8\"", "[4]", "[18446744073709551611,18446744073709551615]")),
      .x("wraps to 4", info("\"U8\"", "[4]", "[18446744073709551615,3]")),
    ])
  func holesAndOverlaps(_ test: HeaderCase) {
    test.expectRefused()
  }

  @Test(
    "R19: the count of elements is the product, which may pass 64 bits nowhere",
    arguments: [
      ("[]", 1), ("[4]", 4), ("[2,2]", 4), ("[1,2,2,1]", 4), ("[0]", 0), ("[3,0,2]", 0),
      ("[0,18446744073709551615]", 0), ("[0,18446744073709551615,18446744073709551615]", 0),
      ("[18446744073709551615,0]", 0), ("[4294967296,0,4294967296,4294967296]", 0),
    ])
  func elementCounts(shape: String, count: Int) throws {
    let text = info("\"U8\"", shape, "[0,\(count)]")
    let file = try HeaderCase.x(shape, text, data: count).expectAccepted()
    #expect(file.tensor(at: 0).byteCount == count)
    #expect(file.tensor(at: 0).elementCount == count)
  }

  @Test(
    "R19: products beyond 64 bits, also before a zero",
    arguments: [
      ("[4294967296,4294967296]", 0), ("[18446744073709551615,2,0]", 0),
      ("[9223372036854775810,2]", 4), ("[18446744073709551615,18446744073709551615]", 1),
    ])
  func overflowingCounts(shape: String, byteCount: Int) {
    // In 64 bits that wrap, each product would be `byteCount`.
    HeaderCase.x(shape, info("\"U8\"", shape, "[0,\(byteCount)]"), data: byteCount).expectRefused()
  }

  @Test(
    "R20: types of 4 and 6 bits fill whole bytes",
    arguments: [
      ("F4", "[2]", 1), ("F4", "[1,3,2]", 3), ("F4", "[3,0]", 0), ("F4", "[0]", 0),
      ("F6_E2M3", "[4]", 3), ("F6_E3M2", "[2,2]", 3), ("F6_E3M2", "[0,3]", 0),
    ])
  func wholeBytes(dtype: String, shape: String, byteCount: Int) throws {
    let text = info("\"\(dtype)\"", shape, "[0,\(byteCount)]")
    try HeaderCase.x(shape, text, data: byteCount).expectAccepted()
  }

  @Test(
    "R20: bits that end inside a byte or pass 64 bits",
    arguments: [
      ("F4", "[]", 1), ("F4", "[1]", 0), ("F4", "[3]", 2), ("F4", "[3]", 1), ("F4", "[3,1]", 1),
      ("F6_E2M3", "[1]", 1), ("F6_E2M3", "[2]", 1), ("F6_E3M2", "[3]", 2), ("F6_E3M2", "[6]", 4),
      ("F64", "[288230376151711744]", 0), ("U8", "[2305843009213693952]", 0),
      ("F4", "[4611686018427387904]", 0), ("U8", "[2305843009213693956]", 4),
    ])
  func brokenBytes(dtype: String, shape: String, byteCount: Int) {
    HeaderCase.x(
      "\(dtype) \(shape)", info("\"\(dtype)\"", shape, "[0,\(byteCount)]"), data: byteCount
    ).expectRefused()
  }

  @Test(
    "R21: end − begin is the size",
    arguments: [
      HeaderCase.x("shape too small", info("\"U8\"", "[3]")),
      .x("shape too big", info("\"U8\"", "[5]")), .x("too wide", info("\"U16\"", "[4]")),
      .x("scalar", info("\"U8\"", "[]")), .x("empty", info("\"U8\"", "[0]")),
      .x("not empty", info("\"U8\"", "[4]", "[0,0]"), data: 0),
      .x("bits", info("\"F4\"", "[4]")), .x("2^61 - 1", info("\"U8\"", "[2305843009213693951]")),
    ])
  func wrongSizes(_ test: HeaderCase) {
    test.expectRefused()
  }

  @Test("R22: the file ends with the last tensor", arguments: 0...8)
  func end(count: Int) throws {
    // The header says 4.
    if count == 4 {
      try HeaderCase.x("", info(), data: count).expectAccepted()
    } else {
      let isCut = count < 4
      HeaderCase(
        "", "{\"x\":\(info())}", data: count, tensor: isCut ? "x" : nil,
        code: isCut ? .truncated : .malformed
      ).expectRefused()
    }
  }

  @Test("R22: a file that was cut off names the first tensor whose data is not all there")
  func cut() throws {
    let infos = (0..<4).map { "\"\($0)\":\(info("\"U8\"", "[4]", "[\(4 * $0),\(4 * $0 + 4)]"))" }
    let text = "{" + infos.joined(separator: ",") + "}"
    for (count, first) in [(0, "0"), (4, "1"), (9, "2"), (15, "3")] {
      HeaderCase("", text, data: count, tensor: TensorName(first), code: .truncated).expectRefused()
    }
  }

  @Test("R22: without tensors the file ends with the header")
  func noTensors() {
    HeaderCase("", "{}", data: 1).expectRefused()
    HeaderCase("", "{\"__metadata__\":{}}", data: 4).expectRefused()
  }

  @Test("R22: sizes up to 2^64 are compared without wrapping")
  func beyondAnyFile() {
    let size = 2_305_843_009_213_693_951  // 2^61 - 1: the largest tensor of bytes.
    var infos: [String] = []
    var begin: UInt = 0
    for number in 0..<8 {
      let end = begin + UInt(size)
      infos.append("\"\(number)\":\(info("\"U8\"", "[\(size)]", "[\(begin),\(end)]"))")
      begin = end
    }
    let text = "{" + infos.joined(separator: ",") + "}"
    HeaderCase("", text, data: 0, tensor: "0", code: .truncated).expectRefused()
  }
}
