// SPDX-License-Identifier: Apache-2.0
import Kernels
import PEFT
import Tensors
import TestSupport
import Testing
import Verification

@Suite("References of other methods")
struct MethodReferenceTests {
  private static let adapters = [
    "lora", "lora-embedding", "lora-dora", "loha", "lokr", "vera", "ia3-trained", "prompt-tuning",
    "prefix-tuning",
  ]

  private static func verdicts(
    of adapter: String, reference: String, rule: VerificationRule = .numerics
  ) throws -> [CaseVerdict] {
    let verifier = try AdapterVerifier.verifier(for: Adapter(path: adapter))
    let file = try ReferenceFile(path: reference, layouts: verifier.layouts)
    return try file.cases.map { try verifier.verify($0, of: file, rule: rule) }
  }

  @Test("what PEFT computed is what is computed here (F9 to F11, U1 to U13)", arguments: adapters)
  func holds(name: String) throws {
    let verdicts = try Self.verdicts(
      of: Fixtures.adapter(name), reference: Fixtures.reference(name))
    #expect(!verdicts.isEmpty)
    for verdict in verdicts {
      #expect(verdict.holds && verdict.report.ownOffenderCount == 0)
      #expect(verdict.report.notComparableCount == 0 && verdict.report.overflowedCount == 0)
    }
    let adapter = try Adapter(path: Fixtures.adapter(name))
    let verifier = try AdapterVerifier.verifier(for: adapter)
    let file = try ReferenceFile(path: Fixtures.reference(name), layouts: verifier.layouts)
    #expect(verifier.uncoveredModules(by: file).isEmpty)
  }

  @Test("every factor counts: a changed one is found", arguments: adapters)
  func damages(name: String) throws {
    let raw = try RawSafeTensors(path: Fixtures.adapter(name) + "/adapter_model.safetensors")
    // The shared factors of VeRA are cut, and a base layer's weight is not read.
    let factors = raw.tensors.filter {
      !$0.name.contains("vera_A") && !$0.name.contains("vera_B") && !$0.name.contains("base_layer")
    }
    for factor in factors.prefix(12) {
      let copy = try AdapterCopy(of: name)
      try copy.changeWeights { weights in
        // The exponent of the first element.
        weights[factor.name]?.bytes[3] ^= 1
      }
      let verdicts = try Self.verdicts(of: copy.path, reference: Fixtures.reference(name))
      #expect(verdicts.contains { !$0.holds }, "\(factor.name)")
    }
  }

  @Test("a scale, a rank or a pattern that changes is found (U2)")
  func configs() throws {
    let changes = [
      ("lora-embedding", "\"lora_alpha\": 6", "\"lora_alpha\": 7"),
      ("lora-embedding", "\"use_rslora\": true", "\"use_rslora\": false"),
      ("lora-embedding", "\"c_attn\": 5", "\"c_attn\": 4"),
      ("loha", "\"alpha\": 3", "\"alpha\": 4"), ("lokr", "\"alpha\": 2", "\"alpha\": 1"),
    ]
    for (name, old, new) in changes {
      let copy = try AdapterCopy(of: name)
      try copy.replaceInConfig(old, new)
      let verdicts = try Self.verdicts(of: copy.path, reference: Fixtures.reference(name))
      #expect(verdicts.contains { !$0.holds }, "\(name) \(new)")
    }
    let copy = try AdapterCopy(of: "lora-embedding")
    try copy.replaceInConfig("\"wte\": 3", "\"wte\": 2")
    let error = #expect(throws: CheckpointError.self) {
      try Self.verdicts(of: copy.path, reference: Fixtures.reference("lora-embedding"))
    }
    #expect(error?.code == .mismatch)
    #expect(error?.message.contains("has the rank 3, but the config gives") == true)
  }

  @Test("references that do not fit are refused (F5, F9)")
  func misfits() throws {
    let directory = try TemporaryDirectory()
    let name = "transformer.h.0.attn.c_attn"
    let cases: [(String, [RawSafeTensors.Tensor], String)] = [
      ("lora", [.init("x", [1], integers: [0])], "has no reference cases"),
      ("lora", [.init("m.delta", [1], floats: [0])], "case m: the adapter does not change m"),
      (
        "lora", [.init(name + ".delta", [1, 1], floats: [0])],
        "case \(name): a weight of the shape [1, 1] does not fit \(name) with lora_A.weight [3, 16], "
          + "lora_B.weight [48, 3]"
      ),
      (
        "lora", [.init(name + ".delta", [0], floats: [])], "case \(name): has the shape [0]"
      ),
      (
        "lora", [.init(name + ".weight", [1, 1], floats: [0])],
        "case \(name) has no \(name).base"
      ),
      (
        "lora", [.init(name + ".bias_delta", [1], floats: [0])],
        "case \(name): the adapter does not change the bias of \(name)"
      ),
      (
        "prompt-tuning", [.init("c.output", [1, 2, 16], floats: .init(repeating: 0, count: 32))],
        "case c: has 2 positions and no indices, but the prompt has 5 tokens"
      ),
      (
        "prompt-tuning",
        [
          .init("c.output", [1, 1, 16], floats: .init(repeating: 0, count: 16)),
          .init("c.indices", [1, 1], integers: [5]),
        ], "case c: there is no virtual token 5: the prompt has 5"
      ),
      (
        "prefix-tuning",
        [.init("c.key_values", [2, 1, 2, 5, 8], floats: .init(repeating: 0, count: 160))],
        "case c: has the shape [2, 1, 2, 5, 8], but the prefix [5, 32] makes "
          + "[layers · 2, B, 1, 5, head_dim]"
      ),
    ]
    for (adapter, tensors, message) in cases {
      let path = try directory.write(RawSafeTensors(tensors).encoded(), to: "r.safetensors")
      let error = #expect(throws: CheckpointError.self) {
        try Self.verdicts(of: Fixtures.adapter(adapter), reference: path)
      }
      #expect(error?.message == message)
    }
  }

  @Test("a method without results is refused, and one whose change needs the weight (F9)")
  func unsupported() throws {
    let copy = try AdapterCopy(of: "lora")
    try copy.replaceInConfig("\"LORA\"", "\"OFT\"")
    let error = #expect(throws: CheckpointError.self) {
      try AdapterVerifier.verifier(for: Adapter(path: copy.path))
    }
    #expect(error?.code == .unsupported)
    let directory = try TemporaryDirectory()
    var raw = try RawSafeTensors(path: Fixtures.reference("ia3-trained"))
    for index in raw.tensors.indices {
      raw.tensors[index].name.replace(".weight", with: ".delta")
    }
    let path = try directory.write(raw.encoded(), to: "r.safetensors")
    #expect(throws: CheckpointError.self) {
      try Self.verdicts(of: Fixtures.adapter("ia3-trained"), reference: path)
    }
    let vera = try AdapterCopy(of: "vera")
    try vera.changeWeights { $0["base_model.vera_A"] = nil }
    let missing = #expect(throws: CheckpointError.self) {
      try AdapterVerifier.verifier(for: Adapter(path: vera.path))
    }
    #expect(missing?.code == .missing)
  }

  @Test("tolerances replace the bound (M27)")
  func tolerances() throws {
    let verdicts = try Self.verdicts(
      of: Fixtures.adapter("loha"), reference: Fixtures.reference("loha"),
      rule: .allClose(relative: 0, absolute: 0))
    #expect(verdicts.contains { !$0.holds })
    for verdict in verdicts where !verdict.holds {
      #expect(verdict.offenders.count == min(8, verdict.offenderCount))
    }
    let close = try Self.verdicts(
      of: Fixtures.adapter("loha"), reference: Fixtures.reference("loha"),
      rule: .allClose(relative: 1e-3, absolute: 1e-5))
    #expect(!close.contains { !$0.holds })
  }
}
