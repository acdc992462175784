// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// One process's part of a tensor that several processes share: a `DTensor` or `ShardedTensor` of
/// torch.distributed (spec/distributed.md, Q25).
package struct TensorShare: Sendable {
  /// The name of the class.
  private let className: String
  /// The shape of the whole tensor, if it is known.
  let shape: Shape?

  private static let classNames = ["DTensor", "ShardedTensor"]

  /// The types of skipped items that are such parts.
  package static let types = Set(classNames.map { type(of: $0) })

  /// The type of the item in a list of skipped ones.
  var type: String { Self.type(of: className) }

  private static func type(of name: String) -> String { "part of a \(name)" }

  /// Recognizes an object; nil for any other.
  init?(_ object: PickledObject, in graph: PickleGraph) {
    // An instance, or the call of a function that rebuilds a tensor: its second argument is the class,
    // its third the tuple of the class, the size and more.
    let arguments = graph.elements(object.arguments) ?? []
    let isCall = object.callee.name?.rebuildsTensor == true
    guard
      let type = isCall && arguments.count > 2 ? graph.qualifiedName(arguments[1]) : object.name,
      type.module.hasPrefix("torch.distributed"), Self.classNames.contains(type.name)
    else { return nil }
    className = type.name
    let fields = isCall ? graph.elements(arguments[2]) ?? [] : []
    let sizes = fields.count > 1 ? graph.integers(fields[1]) : nil
    shape = sizes.flatMap { $0.allSatisfy { $0 >= 0 } ? Shape($0) : nil }
  }
}
