// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import PEFT
import Testing

@Suite("Extents and sizes")
struct ModuleFormTests {
  @Test("expressions of symbols have the value of their symbols")
  func values() {
    let values: ExtentValues = ["r": 8, "experts": 4, "groups": 2, "in": 10]
    #expect(("experts" * "r" as Extent).value(in: values) == 32)
    #expect(("r" / "groups" as Extent).value(in: values) == 4)
    #expect(("in" / "experts" as Extent).value(in: values) == nil)
    #expect((3 as Extent).value(in: values) == 3)
    #expect(Extent("⌈in / r⌉") { $0["in"].map { ($0 + 7) / 8 } }.value(in: values) == 2)
    #expect(("in" * "r" as Extent).value(in: ["in": .max, "r": 2]) == nil)
  }

  @Test("r is the value of the first pattern that matches, else that of the config, else 8")
  func ranks() {
    var sizes = ModuleSizes(
      LoRAMethod().moduleSizes,
      of: AdapterConfig(document: ["r": 4, "rank_pattern": ["q_proj": 2, "0.q_proj": 16]]),
      matching: .path)
    #expect(sizes.values(for: "layers.0.q_proj")["r"] == 2)
    #expect(sizes.values(for: "layers.0.k_proj")["r"] == 4)
    var absent = ModuleSizes(
      LoRAMethod().moduleSizes, of: AdapterConfig(document: [:]), matching: .path)
    #expect(absent.values(for: "q_proj")["r"] == 8)
    var wrong = ModuleSizes(
      LoRAMethod().moduleSizes, of: AdapterConfig(document: ["r": 0]), matching: .path)
    #expect(wrong.values(for: "q_proj")["r"] == nil)
  }

  @Test("the scale of a module is α / r, or α / √r")
  func scales() {
    var plain = LoRAScales(
      AdapterConfig(document: ["r": 4, "lora_alpha": 16, "alpha_pattern": ["k_proj": 2.5]]))
    #expect(plain.scale(of: "0.q_proj") == LoRAScale(rank: 4, alpha: 16, isRankStabilized: false))
    #expect(plain.scale(of: "0.q_proj")?.scale == 4)
    #expect(plain.scale(of: "0.k_proj")?.scale == 0.625)
    var stabilized = LoRAScales(
      AdapterConfig(document: ["r": 4, "lora_alpha": 16, "use_rslora": true]))
    #expect(stabilized.scale(of: "0.q_proj")?.scale == 8)
    var unmatched = LoRAScales(AdapterConfig(document: ["rank_pattern": ["(?i:q)_proj": 2]]))
    #expect(unmatched.scale(of: "0.q_proj") == nil)
  }
}
