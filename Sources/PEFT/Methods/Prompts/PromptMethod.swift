// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
internal import Tensors

/// A method that learns one matrix of prompt vectors, `prompt_embeddings` in the file.
///
/// What computes the prompt during training is not saved.
public protocol PromptMethod: AdapterMethod where Config == AdapterConfig {
  /// The conditions on values of the config that PEFT checks.
  var rules: [ConfigRule] { get }

  /// The shape of the prompt.
  func promptShape(for config: AdapterConfig) -> [Extent]
}

extension PromptMethod {
  public var rules: [ConfigRule] { [] }
  public var isPromptLearning: Bool { true }
  public func config(_ config: AdapterConfig) -> AdapterConfig { config }

  public func expectedTensors(for config: AdapterConfig?) -> [ExpectedTensor] {
    [
      ExpectedTensor(
        "prompt_embeddings", parameterName: "embedding.weight",
        shape: promptShape(for: config ?? AdapterConfig(document: [:])))
    ]
  }

  /// Violated rules, and a missing task (spec/adapter-methods.md, A30 and A32).
  public func crossFieldFindings(of config: AdapterConfig) -> [Finding] {
    let findings = (rules + Self.sizes).findings(about: config)
    switch config.document["task_type"] {
    case nil, .null?:
      return findings + [
        Finding(
          .error, "unsupported-task-type",
          "PEFT ignores the prompt of a config without \"task_type\": the base model runs alone",
          key: "task_type")
      ]
    default: return findings
    }
  }

  /// Sizes of prompts, all of which PEFT multiplies.
  private static var sizes: [ConfigRule] {
    ["num_virtual_tokens", "num_transformer_submodules", "num_layers", "token_dim"].map {
      .atLeast(1, $0)
    }
  }

  public func summary(of config: AdapterConfig, weights: any TensorArchive) -> [String] {
    guard let index = weights.index(of: "prompt_embeddings") else { return [] }
    let sides = weights.tensor(at: index).shape.dimensions
    guard sides.count == 2 else { return [] }
    return ["\(sides[0]) vector\(sides[0] == 1 ? "" : "s")", "dimension \(sides[1])"]
  }
}

extension AdapterConfig {
  /// The vectors of a prompt for the input: `num_virtual_tokens` for each submodule of the model.
  var promptLength: Extent {
    let submodules =
      integer("num_transformer_submodules", default: nil)
      ?? (document["task_type"]?.string == TaskType.sequenceToSequence.rawValue ? 2 : 1)
    return Extent(
      "num_virtual_tokens × num_transformer_submodules",
      value: product("num_virtual_tokens", submodules))
  }

  /// A size of the model that a prompt of it has.
  func promptSize(_ key: String) -> Extent { Extent(key, value: product(key, 1)) }

  /// The numbers of a key and value for each layer: `num_layers · 2 · token_dim`.
  var keyValueSize: Extent {
    let layers = product("num_layers", 2)
    return Extent(
      "num_layers · 2 · token_dim", value: layers.flatMap { product("token_dim", $0) })
  }

  /// A positive integer of a key times a factor.
  private func product(_ key: String, _ factor: Int) -> Int? {
    guard let value = integer(key, default: nil), value >= 1, factor >= 1 else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
  }
}
