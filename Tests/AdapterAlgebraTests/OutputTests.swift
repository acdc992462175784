// SPDX-License-Identifier: Apache-2.0
import Archives
import Bridges
import Files
import JSONDocument
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@testable import AdapterAlgebra

@Suite("Output of computed adapters (AL1 to AL4)")
struct OutputTests {
  static func open(_ path: String) throws -> LowRankAdapter {
    try AdapterHomes.open(BridgeSource(path: path)).adapter
  }

  /// An adapter with the factors of another one, of a lower rank, in memory.
  static func truncated(
    _ source: LowRankAdapter, ranks: [Int], targets: ComputedConfig.Targets = .kept
  ) throws -> ComputedLoRA {
    let factors = try ComputedFactors(path: source.path, files: [])
    var result = source
    result.modules = try source.modules.enumerated().map { index, module in
      let rank = ranks[index % ranks.count]
      var module = module
      let a = try module.a.subrange(axis: 0, 0..<rank)
      let b = try module.b.subrange(axis: 1, 0..<rank)
      module.a = try factors.view(
        "a", a.values(in: .float64), sizes: a.sizes, dtype: module.a.dtype)
      module.b = try factors.view(
        "b", b.values(in: .float64), sizes: b.sizes, dtype: module.b.dtype)
      module.scale = LoRAScale(
        rank: rank, alpha: module.scale.scale * Double(rank), scale: module.scale.scale)
      return module
    }
    return ComputedLoRA(result, targets: targets, origins: [source.path])
  }

  @Test("computed factors and their scales are read back", arguments: ["lora", "lora-embedding"])
  func readBack(name: String) throws {
    let source = try Self.open(Fixtures.adapter(name))
    let computed = try Self.truncated(source, ranks: [2, 1])
    let directory = try TemporaryDirectory()
    try computed.write(to: directory.path("out"))
    let result = try Self.open(directory.path("out"))
    #expect(result.modules.count == source.modules.count)
    for module in computed.adapter.modules {
      let twin = try #require(result.modules.first { $0.name == module.name })
      #expect(twin.kind == module.kind && twin.scale == module.scale, "\(module.name)")
      #expect(try twin.a.values(in: .float64) == module.a.values(in: .float64))
      #expect(try twin.b.values(in: .float64) == module.b.values(in: .float64))
    }
    let config = try Adapter(path: directory.path("out")).config.document
    let old = try #require(source.config).document
    #expect(config["target_modules"] == old["target_modules"])
    #expect(config["lora_dropout"] == old["lora_dropout"])
    #expect(config["peft_version"]?.string == "0.21.2")
    let findings = try Adapter(path: directory.path("out")).findings()
    #expect(!findings.contains { $0.severity != .note }, "\(findings)")
  }

  @Test("an output may replace its source, but not hold it")
  func places() throws {
    let copy = try AdapterCopy(of: "lora")
    let computed = try Self.truncated(try Self.open(copy.path), ranks: [1])
    let policy = OutputPolicy(replacesExisting: true, synchronizes: false)
    let error = #expect(throws: CheckpointError.self) {
      try computed.write(to: copy.directory.path, policy: policy)
    }
    #expect(error?.code == .invalidArgument)
    try computed.write(to: copy.path, policy: policy)
    #expect(try Self.open(copy.path).modules.allSatisfy { $0.scale.rank == 1 })
  }

  @Test("a value beyond the range of the dtype is refused")
  func overflow() throws {
    let factors = try ComputedFactors(path: "source", files: [])
    let error = #expect(throws: CheckpointError.self) {
      try factors.view("a", [1, 1e5], sizes: [1, 2], dtype: .float16)
    }
    #expect(error?.code == .unsupported && error?.path == "source")
  }
}
