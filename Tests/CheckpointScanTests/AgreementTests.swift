// SPDX-License-Identifier: Apache-2.0
import Files
import Pickle
import Tensors
import TestSupport
import Testing

@testable import CheckpointScan

/// The reader and the scan never contradict each other (spec/scan.md, S29).
@Suite struct AgreementTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test(arguments: ["torch/written", "torch/hostile", "torch/modules", "adapters"])
  func fixtures(folder: String) throws {
    let root = Fixtures.path(folder + "/")
    let endings = [".bin", ".pt", ".pth", ".ckpt", ".tar"]
    let names = try files(below: root).filter { name in endings.contains { name.hasSuffix($0) } }
    #expect(names.count >= 9)
    for name in names {
      let contradiction = try Agreement.contradiction(root + name)
      #expect(contradiction == nil, "\(name)")
    }
  }

  @Test(arguments: ["good", "code", "damaged"])
  func vectors(verdict: String) throws {
    for name in ScanVectors.names(verdict) {
      let contradiction = try Agreement.contradiction(ScanVectors.root + verdict + "/" + name)
      #expect(contradiction == nil, "\(name)")
    }
  }

  /// Reads and scans a torch file around a pickle.
  private func check(_ pickle: [UInt8], _ name: String) throws {
    let path = try directory.write(Part.archive(pickle), to: "file.bin")
    let contradiction = try Agreement.contradiction(path)
    #expect(contradiction == nil, "\(name)")
  }

  private func check(value: [UInt8], _ name: String) throws {
    try check(Part.stateDict(with: value), name)
  }

  /// Every function with the arguments that it takes, fewer, more, and others in the place of each.
  @Test(arguments: AllowedGlobal.Role.allCases)
  func calls(role: AllowedGlobal.Role) throws {
    guard let row = AllowedGlobal.table.first(where: { $0.global.role == role }) else { return }
    let function = Part.global(row.global)
    guard let rule = row.global.call else {
      for sample in Part.samples {
        try check(value: Part.call(function, [sample.bytes]), "\(role)(\(sample.name))")
      }
      return try check(value: Part.call(function, []), "\(role)()")
    }
    for parameters in [rule.parameters, rule.alternative].compactMap({ $0 }) {
      var arguments = parameters.map(Part.argument)
      if role == .rebuildQuantized {
        arguments[0] = Part.storage(type: Part.global("torch", "QInt32Storage"))
      }
      let good = Part.stateDict(with: Part.call(function, arguments))
      let path = try directory.write(Part.archive(good), to: "good.bin")
      let report = try CheckpointScanner.scan(InputFile(path: path))
      #expect(report.findings.map(\.message) == [], "\(role)")
      for count in 0...arguments.count {
        let some = Array(arguments[..<count])
        try check(value: Part.call(function, some), "\(role) with \(count) arguments")
      }
      try check(value: Part.call(function, arguments + [Part.none]), "\(role) with one more")
      try check(value: function + [0x5D, 0x52], "\(role) with a list")
      for index in arguments.indices {
        for sample in Part.samples {
          var changed = arguments
          changed[index] = sample.bytes
          try check(
            value: Part.call(function, changed), "\(role) with argument \(index) \(sample.name)")
        }
      }
    }
  }

  /// Values of every kind in every place that takes one.
  @Test(arguments: Part.samples.map(\.name))
  func places(name: String) throws {
    let value = try #require(Part.samples.first { $0.name == name }).bytes
    try check([0x80, 2] + value + [0x2E], "\(name) alone")
    let subject = Part.orderedDict
    let forms: [(String, [UInt8])] = [
      ("value", value), ("key", [0x7D] + value + [0x4E, 0x73]), ("item", [0x5D] + value + [0x61]),
      ("items", [0x5D, 0x28] + value + [0x65]), ("list", [0x28] + value + [0x6C]),
      ("dict", [0x28] + Part.text("a") + value + [0x64]), ("tuple", value + [0x85]),
      ("tuple in a list", [0x5D] + value + [0x85, 0x61]), ("set", [0x8F, 0x28] + value + [0x90]),
      ("frozenset", [0x28] + value + [0x91]), ("appended to", value + [0x4E, 0x61]),
      ("set in", value + Part.text("a") + [0x4E, 0x73]), ("added to", value + [0x28, 0x4E, 0x90]),
      ("built", value + [0x7D, 0x62]), ("state", subject + value + [0x62]),
      ("called", value + [0x29, 0x52]), ("called with", value + value + [0x85, 0x52]),
      ("new", value + [0x29, 0x81]), ("persistent", value + [0x51]),
      ("storage class", Part.storage(type: value)), ("memo", value + [0x94, 0x30, 0x68, 0]),
    ]
    for (form, bytes) in forms { try check(value: bytes, "\(name) as \(form)") }
    let fields = [
      Part.text("storage"), Part.global("torch", "FloatStorage"), Part.text("0"), Part.text("cpu"),
      Part.number(4),
    ]
    for index in fields.indices {
      var changed = fields
      changed[index] = value
      try check(value: Part.tuple(changed) + [0x51], "\(name) as field \(index)")
    }
  }

  @Test(
    arguments: [
      ("a set of a tuple", "set", "builtins", [Part.tuple([Part.number(1)])], true),
      ("a range of nothing", "xrange", "__builtin__", [], false),
      ("a slice of a float", "slice", "builtins", [[0x47, 0x3F, 0xE0, 0, 0, 0, 0, 0, 0]], true),
      ("a device with text", "device", "torch", [Part.text("cuda"), Part.text("0")], false),
      ("a size of text", "Size", "torch", [[0x5D] + Part.text("a") + [0x61]], false),
    ] as [(String, String, String, [[UInt8]], Bool)])
  func knownDisagreements(
    name: String, function: String, module: String, arguments: [[UInt8]], isData: Bool
  ) throws {
    let pickle = Part.stateDict(with: Part.call(Part.global(module, function), arguments))
    let path = try directory.write(Part.archive(pickle), to: "file.bin")
    let report = try CheckpointScanner.scan(InputFile(path: path))
    #expect((report.verdict == .dataOnly) == isData, "\(name)")
    #expect((Agreement.refusal(path) == nil) == isData, "\(name)")
  }

  /// torch reads an empty tensor of any size; the scan calls it data, and the reader says why it does not read it.
  @Test(arguments: [1 << 59 - 1, 1 << 59, 1 << 62])
  func sizesOfEmptyTensors(size: Int) throws {
    let tensor = Part.call(
      Part.global("torch._utils", "_rebuild_tensor_v2"),
      [
        Part.storage(), Part.number(0), Part.tuple([Part.number(0), Part.number(size)]),
        Part.tuple([Part.number(size), Part.number(1)]), Part.falseValue, Part.orderedDict,
      ])
    let path = try directory.write(Part.archive(Part.stateDict(with: tensor)), to: "file.bin")
    #expect(try Agreement.contradiction(path) == nil)
    #expect(try CheckpointScanner.scan(InputFile(path: path)).verdict == .dataOnly)
    let isRead = size < 1 << 59
    #expect((Agreement.refusal(path)?.code == .malformed) == !isRead)
    #expect((Agreement.refusal(path) == nil) == isRead)
  }

  /// Streams whose opcodes, rather than values, are unusual.
  @Test func streams() throws {
    let body = Part.dict([("w", Part.tensor)])
    let streams: [(String, [UInt8])] = [
      ("protocol inside", [0x80, 2] + body + [0x80, 2, 0x2E]), ("no protocol", body + [0x2E]),
      ("memo from 1", [0x80, 2, 0x7D, 0x71, 1, 0x2E]),
      ("memo from 2", [0x80, 2, 0x7D, 0x71, 2, 0x2E]),
      ("memo with a gap", [0x80, 2, 0x7D, 0x71, 0, 0x71, 2, 0x2E]),
      ("memo twice", [0x80, 2, 0x7D, 0x71, 0, 0x71, 0, 0x2E]),
      ("text id", [0x80, 2] + Array("P0\n.".utf8)),
      ("module", [0x80, 2] + Part.tuple([Part.text("module")]) + [0x51, 0x2E]),
      ("plus sign", Array("I+5\n.".utf8)), ("long without L", Array("L5\n.".utf8)),
      ("no number", Array("Ix\n.".utf8)),
      ("float", Array("F1e5\n.".utf8)), ("no float", Array("Fx\n.".utf8)),
      ("unquoted", Array("Sabc\n.".utf8)),
      ("damaged escape", Array("V\\u00\n.".utf8)), ("escape", Array("V\\u0041\n.".utf8)),
      ("half pair", Array("V\\ud800\n.".utf8)),
      ("escaped literal", Array("S'\\x41'\n.".utf8)),
      ("no UTF-8", [0x80, 2, 0x58, 1, 0, 0, 0, 0xFF, 0x2E]),
      (
        "script class", [0x80, 2] + Part.global("__torch__", "M") + [0x29, 0x81, 0x7D, 0x62, 0x2E]
      ),
      ("pop", [0x80, 2] + body + [0x4E, 0x30, 0x2E]),
      ("dup", [0x80, 2] + body + [0x32, 0x61, 0x2E]),
      ("left over", [0x80, 2, 0x4E] + body + [0x2E]), ("buffer", [0x80, 5, 0x97, 0x2E]),
      ("key without value", [0x80, 2, 0x7D, 0x28, 0x4E, 0x75, 0x2E]),
      ("extension", [0x80, 2, 0x82, 1, 0x2E]),
    ]
    for (name, stream) in streams { try check(stream, name) }
  }
}
