// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import GGUF
import Kernels
import LowRank
import PEFT
import SafeTensors
import Tensors
import TestSupport
import Testing

@testable import Bridges

@Suite("GGUF adapters (GA1 to GA15)")
struct GGUFHomeTests {
  private let home = GGUFHome()

  /// An adapter on a model of Llama's type, both by real PEFT.
  private func tutorial() throws -> (adapter: LowRankAdapter, base: BaseModel) {
    let base = try BaseModel(path: Fixtures.path("tutorials/tiny-llama"))
    let source = try BridgeSource(path: Fixtures.path("tutorials/lora"), base: base)
    return (try AdapterHomes.open(source).adapter, base)
  }

  /// The adapter that is read from what is written.
  private func rewritten(
    _ adapter: LowRankAdapter, _ base: BaseModel, dtype: DType? = nil,
    check: (GGUFArchive, BridgePlan) throws -> Void = { _, _ in }
  ) throws -> LowRankAdapter {
    let directory = try TemporaryDirectory()
    let path = directory.path("adapter.gguf")
    let options = BridgeOptions(base: base, dtype: dtype)
    let plan = try home.plan(adapter, to: path, options: options)
    try plan.write(to: path, policy: .init(synchronizes: false))
    let source = try BridgeSource(path: path, base: base)
    try check(try #require(source.archive as? GGUFArchive), plan)
    let opened = try AdapterHomes.open(source)
    #expect(opened.home.name == "gguf")
    return opened.adapter
  }

  @Test("a plain adapter keeps its factors and its alpha")
  func roundTrip() throws {
    let (adapter, base) = try tutorial()
    let result = try rewritten(adapter, base) { archive, plan in
      #expect(plan.isExact && !plan.isDirectory)
      #expect(archive["general.type"] == .string("adapter"))
      #expect(archive["general.architecture"] == .string("llama"))
      #expect(archive["adapter.lora.alpha"] == .float32(16))
      let q = try #require(archive.index(of: "blk.0.attn_q.weight.lora_b"))
      #expect(archive.tensor(at: q).shape == [16, 8])
    }
    #expect(result.modules.map(\.name) == adapter.modules.map(\.name))
    for (module, twin) in zip(adapter.modules, result.modules) {
      #expect(twin.scale == module.scale && twin.kind == module.kind)
      #expect(try twin.a.values(in: .float64) == module.a.values(in: .float64))
      #expect(try twin.b.values(in: .float64) == module.b.values(in: .float64))
    }
    #expect(result.baseModelName == "tiny-llama")
  }

  @Test("scales without a common alpha go into B")
  func foldedScales() throws {
    var (adapter, base) = try tutorial()
    adapter.modules[0].scale = LoRAScale(rank: 8, alpha: 3, isRankStabilized: false)
    let result = try rewritten(adapter, base) { archive, plan in
      #expect(!plan.isExact && archive["adapter.lora.alpha"] == nil)
    }
    for (module, twin) in zip(adapter.modules, result.modules) {
      #expect(twin.scale.scale == 1)
      let expected = try module.b.values(in: .float64).map {
        Double(Float($0 * module.scale.scale))
      }
      #expect(try twin.b.values(in: .float64) == expected)
    }
  }

  @Test("the common alpha of scales")
  func commonAlpha() throws {
    let module = try tutorial().adapter.modules[0]
    func alpha(_ scales: [LoRAScale]) -> Float? {
      CommonAlpha(
        scales.map { scale in
          var copy = module
          copy.scale = scale
          return copy
        }
      ).value
    }
    func plain(_ rank: Int, _ alpha: Double) -> LoRAScale {
      LoRAScale(rank: rank, alpha: alpha, isRankStabilized: false)
    }
    #expect(alpha([plain(8, 16)]) == 16)
    #expect(alpha([plain(8, 16), plain(4, 16), plain(7, 16)]) == 16)
    #expect(alpha([plain(8, 16), plain(8, 8)]) == nil)
    #expect(alpha([plain(8, 0)]) == nil)
    #expect(alpha([plain(8, 0.1)]) == nil)
    #expect(alpha([plain(8, 0.5)]) == 0.5)
    #expect(alpha([plain(8, 1e300)]) == nil)
    #expect(alpha([plain(8, .infinity)]) == nil)
    #expect(alpha([LoRAScale(rank: 16, alpha: 8, isRankStabilized: true)]) == 32)
    #expect(alpha([LoRAScale(rank: 8, alpha: 8, isRankStabilized: true)]) == nil)
    #expect(alpha([]) == nil)
  }

  @Test("what GGUF adapters cannot hold is refused by name")
  func refusals() throws {
    let (adapter, base) = try tutorial()
    func refused(_ change: (inout LowRankModule) -> Void) throws -> CheckpointError? {
      var copy = adapter
      change(&copy.modules[1])
      let (plan, options) = (copy, BridgeOptions(base: base))
      return #expect(throws: CheckpointError.self) {
        try home.plan(plan, to: "out.gguf", options: options)
      }
    }
    let name = adapter.modules[1].name
    let magnitude = try refused { $0.magnitude = $0.b }
    #expect(magnitude?.code == .unsupported && magnitude?.message.contains(name) == true)
    let bias = try refused { $0.bias = $0.b }
    #expect(bias?.code == .unsupported && bias?.message.contains(name) == true)
    let norm = try refused { $0.name = "model.layers.0.input_layernorm" }
    #expect(norm?.code == .unsupported && norm?.message.contains("input_layernorm") == true)
    let layer = try refused { $0.name = "model.layers.2.self_attn.v_proj" }
    #expect(layer?.code == .mismatch && layer?.message.contains("model.layers.2") == true)
    let size = try refused { $0.name = "model.layers.0.mlp.up_proj" }
    #expect(size?.code == .mismatch && size?.message.contains("mlp.up_proj") == true)
    let scale = try refused { $0.scale = LoRAScale(rank: 8, alpha: 1, scale: .infinity) }
    #expect(scale?.code == .unsupported && scale?.message.contains(name) == true)
    let error = #expect(throws: CheckpointError.self) {
      try home.plan(adapter, to: "out.gguf", options: BridgeOptions())
    }
    #expect(error?.code == .missing && error?.remedy == .provideBase)
  }

  @Test("models whose type decides nothing are refused")
  func otherModels() throws {
    let (adapter, _) = try tutorial()
    let directory = try TemporaryDirectory()
    for (config, code) in [
      (#"{"model_type": "bert"}"#, CheckpointError.Code.unsupported), ("{}", .missing),
      (#"{"model_type": "llama", "num_attention_heads": 3}"#, .mismatch),
      (#"{"model_type": "llama", "num_attention_heads": -9223372036854775808}"#, .mismatch),
      (#"{"model_type": "llama", "num_attention_heads": 1e400}"#, .mismatch),
    ] {
      try directory.write(Array(config.utf8), to: "config.json")
      let base = try BaseModel(path: directory.path)
      let error = #expect(throws: CheckpointError.self) {
        try home.plan(adapter, to: "out.gguf", options: BridgeOptions(base: base))
      }
      #expect(error?.code == code, "\(config)")
    }
  }

  /// Reads an adapter of the given tensors, [extents], with other values in its metadata.
  private func read(
    _ shapes: [(String, [Int])], _ changes: [String: GGUFValue] = [:]
  ) throws -> LowRankAdapter {
    let base = try tutorial().base
    var values: [String: GGUFValue] = [
      "general.type": .string("adapter"), "general.architecture": .string("llama"),
      "adapter.type": .string("lora"),
    ]
    values.merge(changes) { $1 }
    let directory = try TemporaryDirectory()
    let path = directory.path("adapter.gguf")
    let format = GGUFFormat(values: values.map { ($0.key, $0.value) })
    let tensors = shapes.map { name, shape in
      ComposedTensor(name, dtype: .float32, shape: shape, pieces: [])
    }
    let archive = try ComposedArchive(path: "test", format: format, tensors: tensors)
    try BridgePlan(file: archive, as: format, isExact: true)
      .write(to: path, policy: .init(synchronizes: false))
    return try AdapterHomes.open(BridgeSource(path: path, base: base)).adapter
  }

  private static let q = "blk.0.attn_q.weight"
  private static let pair = [("\(q).lora_a", [2, 16]), ("\(q).lora_b", [16, 2])]

  @Test("the scale is alpha over the rank, and 1 without an alpha")
  func scales() throws {
    #expect(try read(Self.pair).modules[0].scale.scale == 1)
    let key = GGUFHome.Key.alpha
    #expect(try read(Self.pair, [key: .float32(0)]).modules[0].scale.scale == 1)
    #expect(try read(Self.pair, [key: .float32(6)]).modules[0].scale.scale == 3)
    #expect(try read(Self.pair, [key: .float32(-6)]).modules[0].scale.scale == -3)
    for value: GGUFValue in [
      .float32(.nan), .float32(.infinity), .string("6"), .uint32(6), .float64(6),
    ] {
      let error = #expect(throws: CheckpointError.self) { try read(Self.pair, [key: value]) }
      #expect(error?.code == .malformed)
    }
  }

  @Test(
    "tensors that are no pairs of the model",
    arguments: [
      ([("\(q).lora_a", [2, 16])], CheckpointError.Code.missing),
      ([("\(q).lora_b", [16, 2])], .missing),
      ([(q, [16, 16])], .unsupported),
      ([("blk.0.attn_norm.weight", [16])], .unsupported),
      ([(".lora_a", [2, 16]), (".lora_b", [16, 2])], .unsupported),
      ([("blk.0.attn_q.lora_a", [2, 16]), ("blk.0.attn_q.lora_b", [16, 2])], .unsupported),
      ([("blk.0.x.weight.lora_a", [2, 16]), ("blk.0.x.weight.lora_b", [16, 2])], .unsupported),
      (
        [("blk.2.attn_q.weight.lora_a", [2, 16]), ("blk.2.attn_q.weight.lora_b", [16, 2])],
        .mismatch
      ),
      ([("\(q).lora_a", [2, 16]), ("\(q).lora_b", [16, 3])], .mismatch),
      ([("\(q).lora_a", [2, 15]), ("\(q).lora_b", [16, 2])], .mismatch),
      ([("\(q).lora_a", [2, 16]), ("\(q).lora_b", [32, 2])], .mismatch),
      ([("\(q).lora_a", [16]), ("\(q).lora_b", [16, 1])], .mismatch),
      ([("\(q).lora_a", [1, 2, 16]), ("\(q).lora_b", [1, 16, 2])], .mismatch),
      ([("\(q).lora_a", [0, 16]), ("\(q).lora_b", [16, 0])], .mismatch),
      (
        [("token_embd.weight.lora_a", [2, 64]), ("token_embd.weight.lora_b", [16, 2])], .mismatch
      ),
    ])
  func noPairs(shapes: [(String, [Int])], code: CheckpointError.Code) {
    let error = #expect(throws: CheckpointError.self) { try read(shapes) }
    #expect(error?.code == code, "\(shapes): \(error.map(String.init(describing:)) ?? "")")
  }

  @Test("files that are not LoRA adapters of the model's architecture")
  func otherKinds() {
    for (key, value, code) in [
      ("general.architecture", GGUFValue.string("qwen2"), CheckpointError.Code.mismatch),
      ("general.architecture", .uint32(1), .mismatch),
      ("adapter.type", .string("ia3"), .unsupported), ("adapter.type", .uint8(1), .unsupported),
      ("general.type", .string("model"), .unrecognized),
    ] {
      let error = #expect(throws: CheckpointError.self) { try read(Self.pair, [key: value]) }
      #expect(error?.code == code, "\(key) \(value)")
    }
  }
}
