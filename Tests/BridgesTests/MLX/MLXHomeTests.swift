// SPDX-License-Identifier: Apache-2.0
import Archives
import Bridges
import Files
import Foundation
import JSONDocument
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("MLX adapters as a home (MX1 to MX9)")
struct MLXHomeTests {
  private let directory: TemporaryDirectory
  private let base: BaseModel

  init() throws {
    directory = try TemporaryDirectory()
    base = try BaseModel(path: Fixtures.path("tutorials/tiny-llama"))
  }

  /// Converts the adapter of the tutorials, with changes of its config.
  private func convert(
    _ changes: [String: JSONValue] = [:], base: BaseModel? = nil
  ) throws -> (path: String, plan: BridgePlan, adapter: LowRankAdapter) {
    let source = directory.path("source-\(UUID().uuidString)")
    try FileManager.default.copyItem(
      atPath: Fixtures.path("tutorials/lora"), toPath: source)
    var config = try AdapterConfig(path: source + "/adapter_config.json")
    for (key, value) in changes { config.document[key] = value }
    try Data(config.encoded()).write(
      to: URL(fileURLWithPath: source + "/adapter_config.json"))
    let (_, adapter) = try AdapterHomes.open(BridgeSource(path: source, base: base))
    let path = source + "-mlx"
    let plan = try MLXHome().checkedPlan(adapter, to: path, options: BridgeOptions(base: base))
    try plan.write(to: path, policy: .init(synchronizes: false))
    return (path, plan, adapter)
  }

  private func config(in path: String) throws -> JSONObject {
    try AdapterConfig(path: path + "/adapter_config.json").document
  }

  @Test("one scale and one rank: the factors are the same, transposed (MX2, MX3)")
  func uniform() throws {
    let (path, plan, adapter) = try convert(base: base)
    #expect(plan.isExact && plan.notes.isEmpty)
    let config = try config(in: path)
    #expect(config["fine_tune_type"] == "lora" && config["num_layers"] == 2)
    let parameters = try #require(config["lora_parameters"]?.object)
    #expect(parameters["scale"]?.number == 2 && parameters["rank"] == 8)
    #expect(parameters["keys"] == ["self_attn.q_proj", "self_attn.v_proj"])
    let (home, result) = try AdapterHomes.open(BridgeSource(path: path))
    #expect(home.name == "mlx" && result.baseModelName == "tiny-llama")
    #expect(result.modules.count == adapter.modules.count)
    for module in adapter.modules {
      let twin = try #require(result.modules.first { $0.name == module.name })
      #expect(twin.kind == module.kind && twin.scale == module.scale)
      #expect(try twin.a.values(in: .float64) == module.a.values(in: .float64))
      #expect(try twin.b.values(in: .float64) == module.b.values(in: .float64))
    }
  }

  @Test("scales that differ are folded into B, and noted (MX3)")
  func folded() throws {
    let (path, plan, adapter) = try convert(["alpha_pattern": ["q_proj": 4]], base: base)
    #expect(!plan.isExact && plan.notes.count == 1)
    #expect(try config(in: path)["lora_parameters"]?["scale"]?.number == 1)
    let (_, result) = try AdapterHomes.open(BridgeSource(path: path))
    for module in adapter.modules {
      let twin = try #require(result.modules.first { $0.name == module.name })
      let expected = try module.b.values(in: .float64).map { $0 * module.scale.scale }
      #expect(try twin.b.values(in: .float64) == expected)
    }
  }

  @Test(
    "keys are names in a block where the blocks are known (MX5)",
    arguments: [
      ([:], true, 2, false), ([:], false, 2, false),
      (["layers_to_transform": [0, 1]], false, 2, true),
      (["target_modules": ".*(q|v)_proj"], false, 2, true),
      (["target_modules": ".*(q|v)_proj"], true, 2, false),
    ] as [([String: JSONValue], Bool, Int, Bool)])
  func keys(
    changes: [String: JSONValue], hasBase: Bool, layerCount: Int, areFull: Bool
  ) throws {
    let (path, plan, _) = try convert(changes, base: hasBase ? base : nil)
    let config = try config(in: path)
    let keys = config["lora_parameters"]?["keys"]?.array?.compactMap(\.string) ?? []
    #expect(keys.contains("self_attn.q_proj") != areFull)
    #expect(keys.contains("model.layers.1.self_attn.q_proj") == areFull)
    #expect(config["num_layers"]?.integer == layerCount)
    #expect(plan.notes.contains { $0.contains("mlx-swift-lm") } == areFull)
  }

  @Test(
    "what MLX cannot hold is refused by name (MX8)",
    arguments: [
      (["alora_invocation_tokens": [1, 2]], "alora_invocation_tokens"),
      (["layer_replication": [[0, 1], [0, 1]]], "layer_replication"),
      (["init_lora_weights": "pissa"], "init_lora_weights"),
      (["lora_alpha": .float(.infinity)], "scale"),
    ] as [([String: JSONValue], String)])
  func refusals(changes: [String: JSONValue], word: String) throws {
    let error = #expect(throws: CheckpointError.self) { try convert(changes, base: base) }
    #expect(error?.code == .unsupported && error?.message.contains(word) == true, "\(error!)")
  }
}
