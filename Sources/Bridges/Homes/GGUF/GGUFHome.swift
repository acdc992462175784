// SPDX-License-Identifier: Apache-2.0
internal import GGUF
internal import JSONDocument
public import LowRank
internal import PEFT
public import Tensors

/// Adapters for llama.cpp: a GGUF file with pairs of factors (spec/gguf-adapters.md).
public struct GGUFHome: AdapterHome {
  public let name = "gguf"
  public let summary = "a GGUF adapter for llama.cpp"

  /// The keys of an adapter's metadata.
  enum Key {
    static let type = "general.type"
    static let architecture = "general.architecture"
    static let adapterType = "adapter.type"
    static let alpha = "adapter.lora.alpha"
    static let invocationTokens = "adapter.alora.invocation_tokens"
    static let baseCount = "general.base_model.count"
    static let baseName = "general.base_model.0.name"
    static let baseAddress = "general.base_model.0.repo_url"
  }

  public init() {}

  public func open(_ source: BridgeSource) throws(CheckpointError) -> LowRankAdapter? {
    guard let archive = source.archive as? GGUFArchive, archive[Key.type]?.string == "adapter"
    else { return nil }
    do throws(CheckpointError) {
      return try GGUFReader(archive, base: source.base).adapter()
    } catch {
      throw error.inFile(archive.path)
    }
  }

  public func plan(
    _ adapter: LowRankAdapter, to destination: String, options: BridgeOptions
  ) throws(CheckpointError) -> BridgePlan {
    let base = try GGUFBase(options.base, for: adapter.path)
    do throws(CheckpointError) {
      var writer = try GGUFTensors(
        base, alpha: CommonAlpha(adapter.modules), dtype: options.dtype)
      try GGUFTensors.refuse(adapter.others)
      for module in adapter.modules { try writer.add(module) }
      let format = GGUFFormat(values: try values(of: adapter, base, alpha: writer.alpha))
      let archive = try ComposedArchive(
        path: adapter.path, format: format, tensors: try writer.all())
      return BridgePlan(file: try writer.archive(of: archive), as: format, isExact: writer.isExact)
    } catch {
      throw error.inFile(adapter.path)
    }
  }

  /// The metadata of an adapter.
  ///
  /// - Throws: `unsupported` for invocation tokens that are not ids.
  private func values(
    of adapter: LowRankAdapter, _ base: GGUFBase, alpha: CommonAlpha
  ) throws(CheckpointError) -> [(key: String, value: GGUFValue)] {
    var values: [(key: String, value: GGUFValue)] = [
      (Key.architecture, .string(base.names.architecture)), (Key.type, .string("adapter")),
      (Key.adapterType, .string("lora")),
    ]
    if let name = adapter.baseModelName, !name.isEmpty {
      values += [(Key.baseCount, .uint32(1)), (Key.baseName, .string(name))]
    }
    if let alpha = alpha.value { values.append((Key.alpha, .float32(alpha))) }
    let tokens = adapter.config?.document["alora_invocation_tokens"]?.array ?? []
    let numbers = tokens.compactMap { $0.integer.flatMap { UInt32(exactly: $0) } }
    guard numbers.count == tokens.count else {
      throw CheckpointError(
        .unsupported, "\"alora_invocation_tokens\" has values that are not ids of tokens")
    }
    if !numbers.isEmpty {
      let array = GGUFArray(of: .uint32, numbers.map { .uint32($0) })
      values.append((Key.invocationTokens, .array(array)))
    }
    return values
  }
}
