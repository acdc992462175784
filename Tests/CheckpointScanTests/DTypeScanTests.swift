// SPDX-License-Identifier: Apache-2.0
import Files
import TestSupport
import Testing

@testable import CheckpointScan

@Suite("States of NumPy dtypes and arrays (spec/scan.md, S34)")
struct DTypeScanTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static let eightBytes: [UInt8] = [0x43, 8] + [UInt8](repeating: 0, count: 8)
  private static let list = [0x5D] + Part.none + [0x61]
  private static let object = Part.dtype("O8", Part.dtypeState(flags: 63))
  private static let float = Part.dtype("f8", Part.dtypeState())

  private static func structure(
    _ member: [UInt8], at offset: Int = 0, size: Int = 8, flags: Int = 0, code: String = "V8"
  ) -> [UInt8] {
    let fields = Part.dict([("f", Part.tuple([member, Part.number(offset)]))])
    return Part.dtype(
      code,
      Part.dtypeState(
        names: Part.tuple([Part.text("f")]), fields: fields, size: size, flags: flags))
  }

  private func findings(_ value: [UInt8]) throws -> [ScanFinding] {
    let path = try directory.write(Part.archive(Part.stateDict(with: value)), to: "a.pt")
    #expect(try Agreement.contradiction(path) == nil)
    return try CheckpointScanner.scan(InputFile(path: path)).findings
  }

  @Test(
    "what NumPy writes is data",
    arguments: [
      ("floats", Part.array(float, eightBytes)), ("objects", Part.array(object, list)),
      ("struct", Part.array(structure(float, flags: 16), eightBytes)),
      ("struct of objects", Part.array(structure(object, flags: 27), list)),
      (
        "scalar",
        Part.call(Part.global("numpy._core.multiarray", "scalar"), [float, eightBytes])
      ),
    ])
  func honest(name: String, value: [UInt8]) throws {
    #expect(try findings(value).map(\.message) == [], "\(name)")
  }

  @Test(
    "what would make addresses of numbers is code",
    arguments: [
      ("object without flags", Part.array(Part.dtype("O8", Part.dtypeState()), eightBytes)),
      ("bytes as objects", Part.array(object, eightBytes)),
      ("field with object, no flags", Part.array(structure(object), eightBytes)),
      ("field out of range", Part.array(structure(float, at: 1 << 30), eightBytes)),
      ("field before the start", Part.array(structure(float, at: -8), eightBytes)),
      ("offset that overflows", Part.array(structure(float, at: (1 << 59)), eightBytes)),
      ("fields of a float", Part.array(structure(float, code: "f8"), eightBytes)),
      ("item size of another code", Part.array(structure(float, size: 9), eightBytes)),
      (
        "float with the flags of objects",
        Part.array(Part.dtype("f8", Part.dtypeState(flags: 63)), list)
      ),
      ("struct without a state", Part.array(Part.dtype("V8"), eightBytes)),
      ("code of another kind", Part.dtype("f8,O8")),
      (
        "scalar of objects",
        Part.call(Part.global("numpy._core.multiarray", "scalar"), [object, eightBytes])
      ),
      (
        "buffer of objects",
        Part.call(
          Part.global("numpy._core.numeric", "_frombuffer"),
          [eightBytes, object, Part.tuple([Part.number(1)]), Part.text("C")])
      ),
    ])
  func hostile(name: String, value: [UInt8]) throws {
    let findings = try findings(value)
    #expect(findings.first?.code == .call, "\(name): \(findings)")
  }

  @Test("the fields of a dtype do not change after it is made")
  func finalFields() throws {
    let fields =
      [0x7D, 0x71, 0] + Part.text("f") + Part.tuple([Self.float, Part.number(0)]) + [0x73]
    let dtype = Part.dtype(
      "V8", Part.dtypeState(names: Part.tuple([Part.text("f")]), fields: fields, size: 8, flags: 16)
    )
    let change = [0x68, 0] + Part.text("f") + Part.tuple([Self.float, Part.number(99)]) + [0x73]
    for (value, count) in [(dtype, 0), (Part.tuple([dtype, change]), 1)] {
      let path = try directory.write(Part.archive(Part.stateDict(with: value)), to: "a.pt")
      #expect(try CheckpointScanner.scan(InputFile(path: path)).findings.count == count)
    }
  }

  @Test("a defaultdict may make containers", arguments: ["OrderedDict", "Counter", "deque"])
  func factories(name: String) throws {
    let factory = Part.global("collections", name)
    #expect(try findings(Part.call(Part.global("collections", "defaultdict"), [factory])).isEmpty)
  }
}
