// SPDX-License-Identifier: Apache-2.0
import Bridges
import Files
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("PEFT adapters as a home (BR5 to BR9)")
struct PEFTHomeTests {
  @Test(
    "an adapter goes through canonical form without a change",
    arguments: [
      "lora", "lora-bin", "lora-dora", "lora-embedding",
    ])
  func roundTrip(name: String) throws {
    let source = Fixtures.adapter(name)
    let (home, adapter) = try AdapterHomes.open(BridgeSource(path: source))
    #expect(home.name == "peft")
    let directory = try TemporaryDirectory()
    let path = directory.path("out")
    // Once with the config of the source, once with a new one.
    for config in [adapter.config, nil] {
      var copy = adapter
      copy.config = config
      let plan = try home.plan(copy, to: path, options: BridgeOptions())
      #expect(plan.isExact && plan.isDirectory)
      try plan.write(to: path, policy: .init(replacesExisting: true, synchronizes: false))
      let (_, result) = try AdapterHomes.open(BridgeSource(path: path))
      #expect(result.modules.map(\.name).sorted() == adapter.modules.map(\.name).sorted())
      for module in adapter.modules {
        let twin = try #require(result.modules.first { $0.name == module.name })
        #expect(twin.kind == module.kind && twin.scale == module.scale, "\(module.name)")
        #expect(try twin.a.values(in: .float64) == module.a.values(in: .float64))
        #expect(try twin.b.values(in: .float64) == module.b.values(in: .float64))
        #expect(
          try twin.magnitude?.values(in: .float64) == module.magnitude?.values(in: .float64))
      }
      #expect(result.others.map(\.name).sorted() == adapter.others.map(\.name).sorted())
      let findings = try Adapter(path: path).findings()
      #expect(!findings.contains { $0.severity != .note }, "\(findings)")
    }
  }

  @Test("values that a dtype cannot hold are noted")
  func overflow() throws {
    let copy = try AdapterCopy(of: "lora")
    let name = "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight"
    try copy.changeWeights { weights in
      // 2¹²⁷ and -2¹²⁷: the first elements.
      weights[name]?.bytes.replaceSubrange(0..<8, with: [0, 0, 0, 0x7f, 0, 0, 0, 0xff])
    }
    let (home, adapter) = try AdapterHomes.open(BridgeSource(path: copy.path))
    let path = copy.directory.path("out")
    let plan = try home.plan(adapter, to: path, options: BridgeOptions(dtype: .float16))
    #expect(!plan.isExact && plan.castNotes.isEmpty)
    try plan.write(to: path)
    #expect(plan.castNotes == ["2 elements became infinite: the dtype has no such large numbers"])
  }
}
