// SPDX-License-Identifier: Apache-2.0
import Archives
import Foundation
import PEFT
import SafeTensors
import Tensors
import TestSupport
import Testing

/// spec/findings.md, G4 and G5.
@Suite("Findings about values")
struct ValueFindingTests {
  @Test(
    "non-finite values in each dtype that has them (G4)",
    arguments: [
      ("F64", [0, 0, 0, 0, 0, 0, 0xF0, 0x7F]), ("F32", [1, 0, 0x80, 0x7F]), ("BF16", [0x80, 0xFF]),
      ("F16", [0, 0x7C]),
    ] as [(String, [UInt8])])
  func nonFinite(dtype: String, value: [UInt8]) throws {
    let directory = try TemporaryDirectory()
    let zero = [UInt8](repeating: 0, count: value.count)
    let path = try directory.write(
      RawSafeTensors([.init("t", dtype, [3], zero + zero + value)]).encoded(misalignment: 3),
      to: "a.safetensors")
    let weights = try Adapter.opening(path)
    let findings = try weights.valueFindings()
    #expect(findings.map(\.code) == ["non-finite-values"])
    #expect(
      findings.first?.message.contains("one value that is NaN or infinite, at element 2 of 3")
        == true)
  }

  @Test("integers, and the largest finite numbers, are finite (G4)")
  func finite() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(
      RawSafeTensors([
        .init("i", "I64", [1], [0, 0, 0, 0, 0, 0, 0xF0, 0x7F]),
        .init("h", "F16", [2], [0xFF, 0x7B, 0xFF, 0xFB]),
        .init("b", "BF16", [1], [0x7F, 0x7F]),
        .init("e", "F32", [0, 7], []),
      ]).encoded(), to: "a.safetensors")
    #expect(try Adapter.opening(path).valueFindings().isEmpty)
  }

  /// A file whose data is zero from a byte on.
  private func weights(zeroFrom byte: Int, _ tensors: [(String, Int)]) throws -> [Finding] {
    let count = tensors.reduce(0) { $0 + $1.1 }
    var rest = (0..<count * 4).map { $0 < byte ? UInt8($0 % 120 + 1) : 0 }[...]
    let raw = RawSafeTensors(
      tensors.map { name, count in
        defer { rest = rest.dropFirst(count * 4) }
        return .init(name, "F32", [UInt64(count)], Array(rest.prefix(count * 4)))
      })
    let directory = try TemporaryDirectory()
    let path = try directory.write(raw.encoded(), to: "a.safetensors")
    return try Adapter.opening(path).valueFindings()
  }

  @Test("a file that was never written to its end names the tensors that are zero (G5)")
  func tail() throws {
    let findings = try weights(
      zeroFrom: 700, [("a", 100), ("b", 100), ("c", 100), ("d", 50), ("e", 20), ("f", 1)])
    #expect(findings.map(\.code) == ["zero-tail"])
    #expect(findings.map(\.severity) == [.warning])
    #expect(findings.map(\.tensor) == ["c"])
    #expect(findings[0].message.hasSuffix(": c, d, e, f are wholly zero"))
    let many = try weights(zeroFrom: 0, (0..<7).map { ("t\($0)", 5) })
    #expect(many[0].message.hasSuffix(": t0, t1, t2, t3 and 3 more are wholly zero"))
  }

  @Test(
    "zeros that a whole file may have are none (G5)",
    arguments: [
      // The last tensor alone, at its bounds: an untrained factor.
      (400, [("a", 100), ("b", 100)]),
      // A trained tensor may end in a few zeros.
      (360, [("a", 100), ("b.bias", 100), ("c", 50)]),
      // Biases.
      (300, [("a", 100), ("x.bias", 100), ("y.bias", 10)]),
      // One tensor.
      (0, [("a", 100)]),
      (400, [("a", 100)]),
      (300, [("a", 100)]),
    ] as [(Int, [(String, Int)])])
  func whole(zeroFrom byte: Int, tensors: [(String, Int)]) throws {
    #expect(try weights(zeroFrom: byte, tensors).isEmpty)
  }

  private func bytes(_ floats: [Float]) -> [UInt8] { floats.withUnsafeBytes { Array($0) } }

  @Test("large tensors are read in parts, and their places are right (G4)")
  func large() throws {
    let count = 3 << 20
    var floats = [Float](repeating: 1, count: count)
    let places = [2_500_000, 1_100_000, count - 1]
    for place in places { floats[place] = .nan }
    let raw = RawSafeTensors([
      .init("a", "F32", [UInt64(count)], bytes([Float](repeating: 1, count: count))),
      .init("b", "F32", [UInt64(count)], bytes(floats)),
    ])
    let directory = try TemporaryDirectory()
    let path = try directory.write(raw.encoded(misalignment: 1), to: "a.safetensors")
    let findings = try Adapter.opening(path).valueFindings()
    #expect(
      findings.map(\.message) == [
        "b has 3 values that are NaN or infinite, the first at element 1100000 of \(count)"
      ])
  }

  /// The findings about the fixture `lora` with changed data.
  private func findings(
    of adapter: String = "lora", _ change: (inout RawSafeTensors.Tensor) -> Void
  ) throws -> [Finding] {
    let copy = try AdapterCopy(of: adapter)
    try copy.changeWeights { weights in
      for place in weights.tensors.indices { change(&weights.tensors[place]) }
    }
    let codes: Set<Finding.Code> = ["untrained", "untrained-modules", "zero-tensor", "zero-tail"]
    return try Adapter(path: copy.path).findings().filter { codes.contains($0.code) }
  }

  private func clear(_ tensor: inout RawSafeTensors.Tensor) {
    tensor.bytes = .init(repeating: 0, count: tensor.bytes.count)
  }

  @Test("tensors that have their value from before training (G7)")
  func untrained() throws {
    #expect(try findings { _ in }.isEmpty)
    let all = try findings { if $0.name.contains("lora_B") { clear(&$0) } }
    #expect(all.map(\.code) == ["untrained"])
    #expect(all.map(\.severity) == [.warning])
    #expect(all[0].message.hasPrefix("every lora_B.weight is zero, as before training"))
    var first = true
    let one = try findings {
      guard first, $0.name.contains("lora_B") else { return }
      clear(&$0)
      first = false
    }
    #expect(one.map(\.code) == ["untrained-modules"])
    #expect(one.map(\.severity) == [.note])
    let ones = try findings(of: "ia3") { tensor in
      let count = tensor.bytes.count / 4
      tensor.bytes = (0..<count).flatMap { _ in [0, 0, 0x80, 0x3F] as [UInt8] }
    }
    #expect(ones.map(\.code) == ["untrained"])
    #expect(ones[0].message.hasPrefix("every ia3_l is one"))
  }

  @Test("tensors that are zero and do not start so (G7)")
  func zeroTensors() throws {
    var first = true
    let factor = try findings {
      guard first, $0.name.contains("lora_A") else { return }
      clear(&$0)
      first = false
    }
    #expect(factor.map(\.code) == ["zero-tensor"])
    #expect(factor.map(\.severity) == [.note])
    let prompt = try findings(of: "mpt-causal-lm") {
      if $0.name == "prompt_embeddings" { clear(&$0) }
    }
    #expect(prompt.map(\.code) == ["zero-tensor"])
    #expect(prompt.map(\.severity) == [.warning])
  }

  @Test("a file that has become shorter is an error that names the first tensor that is cut")
  func shortened() throws {
    let ones = bytes([Float](repeating: 1, count: 1 << 20))
    let raw = RawSafeTensors((0..<4).map { .init("t\($0)", "F32", [1 << 20], ones) })
    let directory = try TemporaryDirectory()
    let path = try directory.write(raw.encoded(), to: "a.safetensors")
    let weights = try SafeTensorsFile(path: path)
    let handle = try #require(FileHandle(forWritingAtPath: weights.path))
    try handle.truncate(atOffset: 9 << 20)
    try handle.close()
    let error = #expect(throws: CheckpointError.self) { try weights.valueFindings() }
    #expect(error?.code == .truncated)
    #expect(error?.tensor == "t2")
  }
}

extension Adapter {
  /// Opens a weights file as that of an adapter.
  static func opening(_ path: String) throws -> any TensorArchive {
    let copy = try AdapterCopy(of: "lora")
    try FileManager.default.removeItem(atPath: copy.weightsPath)
    try FileManager.default.copyItem(atPath: path, toPath: copy.weightsPath)
    return try Adapter(path: copy.path).weights
  }
}
