// SPDX-License-Identifier: Apache-2.0
import Bridges
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Hostile adapters: refused or converted, never a trap")
struct HostileAdapterTests {
  private static let prefix = "base_model.model."

  /// Opens an adapter, and plans it for every home in every arrangement of experts.
  private static func tryEverything(_ path: String) throws {
    var opened = [try AdapterHomes.open(BridgeSource(path: path)).adapter]
    for arrangement in ExpertArrangement.allCases {
      if let arranged = try? opened[0].arranged(arrangement) { opened.append(arranged) }
    }
    let directory = try TemporaryDirectory()
    for (index, adapter) in opened.enumerated() {
      for home in AdapterHomes.all {
        let target = directory.path("\(home.name)-\(index)")
        let plan = try? home.plan(adapter, to: target, options: BridgeOptions())
        if let plan, plan.tensorByteCount < 1 << 22 { _ = try? plan.write(to: target) }
      }
    }
  }

  private static func adapter(
    _ config: String, _ tensors: [RawSafeTensors.Tensor], in directory: TemporaryDirectory
  ) throws -> String {
    try directory.write(Array(config.utf8), to: "adapter_config.json")
    try directory.write(RawSafeTensors(tensors).encoded(), to: "adapter_model.safetensors")
    return directory.path
  }

  private static func tensor(_ name: String, _ shape: [UInt64]) -> RawSafeTensors.Tensor {
    let count = shape.contains(0) ? 0 : Int(shape.reduce(1, *))
    return .init(name, shape, floats: (0..<count).map { Float($0) })
  }

  private static func pair(
    _ module: String, _ a: [UInt64], _ b: [UInt64]
  ) -> [RawSafeTensors.Tensor] {
    [
      tensor("\(prefix)\(module).lora_A.weight", a), tensor("\(prefix)\(module).lora_B.weight", b),
    ]
  }

  private static let configs = [
    "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4}",
    "{\"peft_type\":\"LORA\",\"r\":9223372036854775807,\"lora_alpha\":1e308}",
    "{\"peft_type\":\"LORA\",\"r\":0}", "{\"peft_type\":\"LORA\",\"r\":-1}",
    "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":NaN}",
    "{\"peft_type\":\"LORA\",\"r\":2,\"use_dora\":true,\"lora_bias\":true}",
    "{\"peft_type\":\"LORA\",\"r\":1,\"target_parameters\":[\"mlp.experts.gate_up_proj\",\"mlp.experts.down_proj\"]}",
    "{\"peft_type\":\"LORA\",\"r\":2,\"target_parameters\":[\"gate_up_proj\",\".\",\"\",\"x.\"],\"peft_version\":\"0.20.0\"}",
    "{\"peft_type\":\"LORA\",\"r\":2,\"rank_pattern\":{\"(a+)+$\":1,\"x\":\"y\"},\"peft_version\":\"0.dev\"}",
  ]

  @Test("names, shapes and configs out of bounds", arguments: configs)
  func everything(config: String) throws {
    let modules: [[RawSafeTensors.Tensor]] = [
      Self.pair("layer.q_proj", [2, 3], [4, 2]), Self.pair("layer.q_proj", [2, 3], [4, 3]),
      Self.pair("layer.q_proj", [0, 3], [4, 0]), Self.pair("x", [2, UInt64.max, 0], [4, 2, 0]),
      Self.pair("x", [2, 3, 1], [4, 2, 1]),
      Self.pair("x", [2, 3, 1, 1, 1, 1], [4, 2, 1, 1, 1, 1]),
      Self.pair("a.mlp.experts", [6, 3], [4, 6]), Self.pair("a.mlp.experts", [7, 3], [4, 7]),
      Self.pair("a.mlp.experts.base_layer", [6, 3], [4, 6])
        + Self.pair("a.mlp.experts", [6, 2], [3, 6]),
      Self.pair("a.mlp.experts.0.gate_proj", [2, 3], [4, 2])
        + Self.pair("a.mlp.experts.1.up_proj", [2, 3], [4, 2]),
      Self.pair("a.mlp.experts.9223372036854775807.w1", [2, 3], [4, 2]),
      Self.pair("a.mlp.experts.99999999999999999999.w1", [2, 3], [4, 2]),
      Self.pair("a.mlp.experts.-1.w2", [2, 3], [4, 2]), Self.pair("experts.0.w2", [2, 3], [4, 2]),
      Self.pair("...", [2, 3], [4, 2]), Self.pair("model.layers.\u{0}.é\n", [2, 3], [4, 2]),
      [Self.tensor("lora_A.weight", [2, 3])],
      [Self.tensor("\(Self.prefix)x.lora_embedding_A", [2, 3])],
      [Self.tensor("", [1])], [Self.tensor("\(Self.prefix)x.weight", [3])],
      [Self.tensor("\(Self.prefix)e.token_adapter.trainable_tokens_delta", [2, 3])],
      // Ranks whose padding would take terabytes.
      Self.pair("layer.k_proj", [200_000, 1], [1, 200_000])
        + Self.pair("layer.v_proj", [2, 200_000], [200_000, 2]),
    ]
    for tensors in modules {
      let directory = try TemporaryDirectory()
      let path = try Self.adapter(config, tensors, in: directory)
      do {
        try Self.tryEverything(path)
      } catch let error as CheckpointError {
        #expect(!error.message.isEmpty)
      }
    }
  }
}
