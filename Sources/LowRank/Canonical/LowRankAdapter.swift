// SPDX-License-Identifier: Apache-2.0
public import PEFT

/// An adapter of low-rank updates in canonical form, whatever kind of file it comes from: what is
/// converted and compared (spec/low-rank.md, U23). No tensor data is read.
public struct LowRankAdapter: Sendable {
  /// A tensor of the file that is not a low-rank update.
  public struct OtherTensor: Sendable {
    /// What the tensor is.
    public enum Kind: Sendable, Hashable {
      /// A tensor of a module that is saved whole.
      case savedModule
      /// The changes of the rows of these tokens of an embedding, [tokens, dim].
      case trainedTokens([Int])
      /// A bias of the base model that was trained.
      case bias
      /// An embedding of the base model, saved beside its update and not trained.
      case wholeEmbedding
      /// Another tensor.
      case unknown
    }

    /// The tensor.
    public let view: FactorView
    /// The name in the base model.
    public let name: String
    /// What it is.
    public let kind: Kind

    /// Describes a tensor.
    public init(view: FactorView, name: String, kind: Kind) {
      self.view = view
      self.name = name
      self.kind = kind
    }
  }

  /// The path of the source, for errors.
  public var path: String
  /// The updates, in the order of the file.
  public var modules: [LowRankModule]
  /// The other tensors, in the order of the file.
  public var others: [OtherTensor]
  /// The name of the base model; nil where the source does not tell it.
  public var baseModelName: String?
  /// The PEFT config; nil for sources without one.
  public var config: AdapterConfig?
  /// The model of a pipeline that the adapter is for; nil where the source does not tell it.
  public var component: PipelineComponent?
  /// The adapters for the models of a pipeline, each with its component, in a source that has
  /// several; empty for others.
  public private(set) var parts: [LowRankAdapter] = []

  /// Describes an adapter.
  public init(
    path: String, modules: [LowRankModule], others: [OtherTensor] = [],
    baseModelName: String? = nil, config: AdapterConfig? = nil
  ) {
    self.path = path
    self.modules = modules
    self.others = others
    self.baseModelName = baseModelName
    self.config = config
  }

  /// Describes the adapters for several models of a pipeline. The modules of all have the model in
  /// front of their names.
  ///
  /// - Parameters:
  ///   - path: the path of the source, for errors.
  ///   - parts: adapters, each with its component.
  public init(path: String, parts: [LowRankAdapter]) {
    self.init(path: path, modules: [])
    self.parts = parts
    for part in parts {
      let prefix = part.component.map { $0.name + "." } ?? ""
      modules += part.modules.map { module in
        var module = module
        module.name = prefix + module.name
        return module
      }
      others += part.others.map {
        OtherTensor(view: $0.view, name: prefix + $0.name, kind: $0.kind)
      }
    }
  }
}
