// SPDX-License-Identifier: Apache-2.0
import Bridges
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Arrangements of experts (U25, U28)")
struct ExpertTests {
  /// An adapter of three experts of rank 2, [6, 4] over [4, 3].
  private static func adapter(
    version: String, in directory: TemporaryDirectory
  ) throws -> LowRankAdapter {
    let config = """
      {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "peft_version": "\(version)",
      "target_parameters": ["mlp.experts.down_proj", "mlp.experts.gate_up_proj"]}
      """
    try directory.write(Array(config.utf8), to: "adapter_config.json")
    let path = "base_model.model.layers.0.mlp.experts"
    func tensor(_ name: String, _ shape: [UInt64], _ start: Float) -> RawSafeTensors.Tensor {
      let count = Int(shape.reduce(1, *))
      return .init("\(path).\(name)", shape, floats: (0..<count).map { start + Float($0) })
    }
    let isOld = version == "0.18.1"
    let weights = RawSafeTensors([
      tensor("base_layer.lora_A.weight", isOld ? [6, 6] : [6, 4], 1),
      tensor("base_layer.lora_B.weight", isOld ? [4, 6] : [6, 6], 101),
      tensor("lora_A.weight", isOld ? [6, 4] : [6, 3], 201),
      tensor("lora_B.weight", isOld ? [3, 6] : [4, 6], 301),
    ])
    try directory.write(weights.encoded(), to: "adapter_model.safetensors")
    return try LowRankAdapter(Adapter(path: directory.path))
  }

  /// The element of Δ / s of an expert.
  private static func delta(
    _ module: LowRankModule, _ expert: Int, _ row: Int, _ column: Int
  ) throws -> Double {
    let (a, b) = try (module.a.values(in: .float64), module.b.values(in: .float64))
    let (rank, input, out) = (module.a.sizes[1], module.a.sizes[2], module.b.sizes[1])
    return (0..<rank).reduce(0) { sum, r in
      sum + b[(expert * out + row) * rank + r] * a[(expert * rank + r) * input + column]
    }
  }

  @Test("the two layouts of releases give the same parameters")
  func layouts() throws {
    let directory = try TemporaryDirectory()
    let new = try Self.adapter(version: "0.21.2", in: directory)
    #expect(
      new.modules.map(\.name) == [
        "layers.0.mlp.experts.gate_up_proj", "layers.0.mlp.experts.down_proj",
      ])
    #expect(new.modules.map(\.a.sizes) == [[3, 2, 4], [3, 2, 3]])
    #expect(new.modules.map(\.b.sizes) == [[3, 6, 2], [3, 4, 2]])
    // A: rows 2 and 3 are expert 1; B: columns 1 and 4.
    #expect(try Self.delta(new.modules[0], 1, 0, 0) == 102 * 9 + 105 * 13)
    let old = try Self.adapter(version: "0.18.1", in: directory)
    #expect(old.modules.map(\.a.sizes) == [[3, 2, 4], [3, 2, 3]])
    #expect(old.modules.map(\.b.sizes) == [[3, 6, 2], [3, 4, 2]])
    // A has the outputs: rows 2 and 3 are expert 1; B has the inputs: columns 1 and 4.
    #expect(try Self.delta(old.modules[0], 1, 0, 0) == 13 * 102 + 19 * 105)
  }

  @Test("separate experts and back compute the same")
  func separate() throws {
    let directory = try TemporaryDirectory()
    let adapter = try Self.adapter(version: "0.21.2", in: directory)
    for arrangement in [ExpertArrangement.separate, .separateMixtral] {
      let separate = try adapter.arranged(arrangement)
      #expect(separate.modules.count == 9 && separate.modules.allSatisfy { $0.kind == .linear })
      let names = separate.modules.prefix(2).map(\.name)
      #expect(
        names
          == (arrangement == .separate
            ? ["layers.0.mlp.experts.0.gate_proj", "layers.0.mlp.experts.0.up_proj"]
            : ["layers.0.block_sparse_moe.experts.0.w1", "layers.0.block_sparse_moe.experts.0.w3"]))
      let fused = try separate.arranged(.fused)
      #expect(fused.modules.map(\.name) == adapter.modules.map(\.name))
      #expect(fused.modules.map(\.scale.rank) == [4, 2])
      #expect(fused.modules.map(\.scale.scale) == [1.5, 1.5])
      for (module, twin) in zip(adapter.modules, fused.modules) {
        for expert in 0..<3 {
          for row in 0..<module.b.sizes[1] {
            for column in 0..<module.a.sizes[2] {
              #expect(
                try Self.delta(module, expert, row, column)
                  == Self.delta(twin, expert, row, column))
            }
          }
        }
      }
    }
  }

  @Test("an expert that lacks a projection is named, and adapters without experts are refused")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    var separate = try Self.adapter(version: "0.21.2", in: directory).arranged(.separate)
    separate.modules.remove(at: 3)
    let error = #expect(throws: CheckpointError.self) { try separate.arranged(.fused) }
    #expect(error?.message.contains("experts.gate_up_proj lacks projections") == true)
    let other = try LowRankAdapter(Adapter(path: Fixtures.adapter("lora")))
    #expect(throws: CheckpointError.self) { try other.arranged(.separate) }
  }
}
