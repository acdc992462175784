// SPDX-License-Identifier: Apache-2.0
import Bridges
import Foundation
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

/// A file of mlx-lm that is not as it should be.
struct MLXDamage: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let config: String
  let tensors: [RawSafeTensors.Tensor]
  let code: CheckpointError.Code

  private static let name = "model.layers.0.self_attn.q_proj"
  private static let parameters = #""lora_parameters": {"rank": 2, "scale": 1.5, "dropout": 0}"#
  private static let good = #"{"num_layers": 1, \#(parameters)}"#

  private static func pair(
    _ a: [UInt64], _ b: [UInt64], module: String = name
  ) -> [RawSafeTensors.Tensor] {
    [("lora_a", a), ("lora_b", b)].map { leaf, shape in
      RawSafeTensors.Tensor(
        "\(module).\(leaf)", shape, floats: Array(repeating: 1, count: Int(shape.reduce(1, *))))
    }
  }

  private static func configs(_ pairs: [(String, String, CheckpointError.Code)]) -> [Self] {
    pairs.map { Self(testDescription: $0, config: $1, tensors: pair([3, 2], [2, 4]), code: $2) }
  }

  private static func shapes(
    _ cases: [(String, [RawSafeTensors.Tensor], CheckpointError.Code)]
  ) -> [Self] {
    cases.map { Self(testDescription: $0, config: good, tensors: $1, code: $2) }
  }

  static let all =
    configs([
      ("full weights", #"{"fine_tune_type": "full", "lora_parameters": null}"#, .unsupported),
      ("an unknown type", #"{"fine_tune_type": 3}"#, .unsupported),
      ("no parameters", #"{"fine_tune_type": "lora"}"#, .missing),
      ("no scale", #"{"lora_parameters": {"rank": 2, "alpha": 4}}"#, .missing),
      ("no rank", #"{"lora_parameters": {"scale": 2}}"#, .missing),
      ("a rank of zero", #"{"lora_parameters": {"rank": 0, "scale": 2}}"#, .malformed),
      (
        "a huge rank", #"{"lora_parameters": {"rank": 9223372036854775808, "scale": 2}}"#,
        .malformed
      ),
      (
        "another rank", #"{"lora_parameters": {"rank": 9223372036854775807, "scale": 2}}"#,
        .mismatch
      ),
      ("a scale that is none", #"{"lora_parameters": {"rank": 2, "scale": NaN}}"#, .malformed),
      ("a scale in words", #"{"lora_parameters": {"rank": 2, "scale": "2"}}"#, .malformed),
      ("DoRA without magnitudes", #"{"fine_tune_type": "dora", \#(parameters)}"#, .missing),
    ])
    + shapes([
      ("half a pair", Array(pair([3, 2], [2, 4]).dropLast()), .missing),
      ("another rank in B", pair([3, 2], [3, 4]), .mismatch),
      ("other dimensions in B", pair([3, 2], [1, 2, 4]), .mismatch),
      ("a vector", pair([2], [2]), .mismatch),
      ("no elements", pair([0, 2], [2, 4]), .mismatch),
      (
        "other experts in B", pair([3, 2, 5], [2, 4, 2], module: "b.mlp.switch_mlp.up_proj"),
        .mismatch
      ),
      ("experts of no known name", pair([3, 2, 5], [3, 4, 2]), .unsupported),
      (
        "a foreign tensor",
        pair([3, 2], [2, 4]) + [RawSafeTensors.Tensor("model.norm.weight", [1], floats: [1])],
        .mismatch
      ),
      (
        "magnitudes without DoRA",
        pair([3, 2], [2, 4]) + [RawSafeTensors.Tensor("\(name).m", [4], floats: [1, 1, 1, 1])],
        .mismatch
      ),
      (
        "an embedding that may be tied", pair([3, 2], [2, 4], module: "model.embed_tokens"),
        .missing
      ),
      ("a name that several models have", pair([3, 2], [2, 4], module: "model.wte"), .missing),
    ])
}

@Suite("Files of mlx-lm")
struct MLXFilesTests {
  private func open(_ config: String, _ tensors: [RawSafeTensors.Tensor]) throws -> LowRankAdapter {
    let directory = try TemporaryDirectory()
    try directory.write(Array(config.utf8), to: "adapter_config.json")
    try directory.write(RawSafeTensors(tensors).encoded(), to: "adapters.safetensors")
    return try AdapterHomes.open(BridgeSource(path: directory.path)).adapter
  }

  @Test(
    "files that mlx-lm refuses, or gives no effect, are refused (MX9)", arguments: MLXDamage.all)
  func damages(_ damage: MLXDamage) throws {
    let error = #expect(throws: CheckpointError.self) {
      _ = try open(damage.config, damage.tensors)
    }
    #expect(error?.code == damage.code, "\(error?.description ?? "")")
  }

  @Test("a gate and an up projection become one parameter: a block for each, or the shared A (MX6)")
  func experts() throws {
    let config = #"{"lora_parameters": {"rank": 1, "scale": 2.0, "dropout": 0}}"#
    func tensors(_ up: [Float]) -> [RawSafeTensors.Tensor] {
      let name = "model.layers.0.mlp.switch_mlp"
      return [
        RawSafeTensors.Tensor("\(name).gate_proj.lora_a", [2, 1, 2], floats: [1, 2, 3, 4]),
        RawSafeTensors.Tensor("\(name).gate_proj.lora_b", [2, 1, 1], floats: [5, 6]),
        RawSafeTensors.Tensor("\(name).up_proj.lora_a", [2, 1, 2], floats: up),
        RawSafeTensors.Tensor("\(name).up_proj.lora_b", [2, 1, 1], floats: [7, 8]),
      ]
    }
    let shared = try open(config, tensors([1, 2, 3, 4])).modules
    #expect(shared.map(\.name) == ["model.layers.0.mlp.experts.gate_up_proj"])
    #expect(shared[0].scale == LoRAScale(rank: 1, alpha: 2, scale: 2))
    #expect(try shared[0].b.values(in: .float64) == [5, 7, 6, 8])

    let own = try open(config, tensors([9, 2, 3, 4])).modules[0]
    #expect(own.scale == LoRAScale(rank: 2, alpha: 4, scale: 2))
    #expect(own.kind == .experts(count: 2, isTransposed: false))
    #expect(try own.a.values(in: .float64) == [1, 2, 9, 2, 3, 4, 3, 4])
    #expect(try own.b.values(in: .float64) == [5, 0, 0, 7, 6, 0, 0, 8])
  }

  @Test("a directory without the last weights names those of a step (MX1)")
  func steps() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      Array(#"{"lora_parameters": {"rank": 1, "scale": 2.0}}"#.utf8), to: "adapter_config.json")
    for name in ["0000100_adapters.safetensors", "0000200_adapters.safetensors"] {
      try directory.write([], to: name)
    }
    let error = #expect(throws: CheckpointError.self) {
      _ = try AdapterHomes.open(BridgeSource(path: directory.path))
    }
    #expect(error?.code == .missing && error?.hint?.contains("0000200") == true)
  }
}
