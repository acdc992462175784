// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// A module of a model, as far as reading an adapter needs it.
struct KnownModule: Sendable {
  let name: String
  let kind: BaseModule.Kind
  /// The shape of the weight; nil if it is unknown.
  let weight: Shape?

  init(_ module: BaseModule) {
    name = module.name
    kind = module.kind
    weight = module.shape(of: "weight")
  }

  init(_ module: LowRankModule) {
    name = module.name
    weight = nil
    switch module.kind {
    case .convolution(let kernel): kind = .convolution(kernel.count)
    case .embedding: kind = .embedding
    case .linear, .experts: kind = .linear
    }
  }
}

/// The modules of a model by their names with `_` in place of `.`, which cannot be taken apart without
/// them (spec/kohya.md, KO7).
struct UnderscoredNames {
  /// The module of a name; nil for a name that several have.
  private var modules: [UTF8Text: KnownModule?] = [:]

  /// Names the modules of a base model that have weights.
  ///
  /// - Parameter isTextEncoder: whether the model is one of transformers that encodes text, whose
  ///   names have `text_model` in front in some releases.
  /// - Throws: `missing` for a model without weights.
  /// - Complexity: O(names of the model).
  init(_ model: BaseModel, isTextEncoder: Bool) throws(CheckpointError) {
    guard let tree = model.modules() else {
      throw CheckpointError(
        .missing, "has no weights, whose names are needed", path: model.path)
    }
    self.init(
      tree.modules.filter { $0.kind != .container }.map { KnownModule($0) },
      isTextEncoder: isTextEncoder)
  }

  /// Names modules.
  init(_ known: [KnownModule], isTextEncoder: Bool) {
    let stability = StabilityNames(known.map(\.name))
    for module in known {
      add(module, as: module.name)
      if let name = stability?.name(of: module.name) { add(module, as: name) }
      guard isTextEncoder else { continue }
      let inner = TextModelName.without(module.name)
      add(module, as: inner == module.name ? TextModelName.with(inner) : inner)
    }
  }

  private mutating func add(_ module: KnownModule, as name: String) {
    let key = UTF8Text(Self.underscored(name))
    if let known = modules[key], known?.name != module.name {
      modules[key] = .some(nil)
    } else {
      modules[key] = module
    }
  }

  /// A name with `_` for `.`.
  static func underscored(_ name: String) -> String {
    String(
      decoding: name.utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
  }

  /// A module by its name with underscores.
  enum Match {
    case module(KnownModule)
    case none
    case several
  }

  /// Looks a name up.
  ///
  /// - Complexity: O(length).
  func match(_ name: String) -> Match {
    switch modules[UTF8Text(name)] {
    case .none: .none
    case .some(.none): .several
    case .some(.some(let module)): .module(module)
    }
  }
}

/// The names of CLIP's text models, with and without the module around them, which transformers 5 has
/// no longer.
enum TextModelName {
  private static let outer = "text_model."

  /// A name as kohya's tools have it.
  static func with(_ name: String) -> String {
    ["encoder.", "embeddings.", "final_layer_norm"].contains(where: name.hasPrefix)
      ? outer + name : name
  }

  /// A name without the outer module.
  static func without(_ name: String) -> String {
    name.hasPrefix(outer) ? String(name.dropFirst(outer.count)) : name
  }
}
