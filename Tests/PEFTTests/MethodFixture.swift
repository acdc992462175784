// SPDX-License-Identifier: Apache-2.0
import Files
import JSONDocument
import Tensors
import TestSupport

@testable import PEFT

/// An adapter that PEFT made, by names and shapes.
struct MethodFixture: CustomStringConvertible {
  let description: String
  let config: AdapterConfig
  let modules: [Module]
  /// The tensors that belong to no module.
  let once: [String: Shape]

  struct Module {
    let name: String
    /// The kind of the layer; nil for one that has no kind of its own.
    let kind: LayerKind?
    /// The sizes in the base model.
    let sizes: [(symbol: String, value: Int)]
    /// The method's tensors, by their names below the module.
    let tensors: [String: Shape]
  }

  /// The adapters of `Fixtures/methods`.
  static func all() throws -> [Self] {
    try list("methods/adapters.json").map { try Self($0) }
  }

  /// Configs that PEFT refuses, with the key to blame.
  static func refused() throws -> [(config: AdapterConfig, key: String)] {
    try list("methods/refused.json").map { json in
      let object = try json.object.unwrapped()
      let document = object["config"]?.object
      return (
        AdapterConfig(document: try document.unwrapped()),
        try object["key"]?.string.unwrapped() ?? ""
      )
    }
  }

  private static func list(_ name: String) throws -> [JSONValue] {
    let bytes = try InputFile(path: Fixtures.path(name)).readAll(limit: 1 << 24)
    return try JSONValue(parsing: bytes).array.unwrapped()
  }

  private init(_ json: JSONValue) throws {
    let object = try json.object.unwrapped()
    description = try (object["name"]?.string).unwrapped()
    config = AdapterConfig(document: try (object["config"]?.object).unwrapped())
    let prefix = try config.method.parameterPrefix
    modules = try (object["modules"]?.object).unwrapped().compactMap { member in
      try Module(member.key, member.value.object.unwrapped(), prefix: prefix)
    }
    once = try Self.shapes((object["once"]?.object).unwrapped())
  }

  fileprivate static func shapes(_ object: JSONObject) throws -> [String: Shape] {
    var shapes: [String: Shape] = [:]
    for member in object {
      shapes[member.key] = Shape(
        try member.value.array.unwrapped().map { UInt(try $0.integer.unwrapped()) })
    }
    return shapes
  }
}

extension MethodFixture.Module {
  private static let kinds: [String: LayerKind] = [
    "linear": .linear, "embedding": .embedding, "normalization": .normalization, "block": .block,
    "convolution1": .convolution(1), "convolution2": .convolution(2),
    "convolution3": .convolution(3),
  ]

  /// Nil for a module of which only whole weights are saved.
  fileprivate init?(_ name: String, _ object: JSONObject, prefix: String) throws {
    self.name = name
    kind = object["kind"]?.string.flatMap { Self.kinds[$0] }
    sizes = object.compactMap { member in member.value.integer.map { (member.key, $0) } }
    tensors = try MethodFixture.shapes((object["tensors"]?.object).unwrapped())
      .filter { $0.key.hasPrefix(prefix) }
    if tensors.isEmpty { return nil }
  }
}

private struct Absent: Error {}

extension Optional {
  fileprivate func unwrapped() throws -> Wrapped {
    guard let self else { throw Absent() }
    return self
  }
}
