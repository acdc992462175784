// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// The parameters that differ and that no low-rank update holds, and how an adapter has them
/// (spec/adapter-algebra.md, AL23).
struct OtherDifferences {
  /// The names of the parameters, in the order of the base model.
  let names: [String]
  /// The tensors of an adapter that has them all.
  private(set) var tensors: [LowRankAdapter.OtherTensor] = []
  /// The modules that it saves whole.
  private(set) var modules: [String] = []
  /// Whether it has biases.
  private(set) var hasBiases = false
  /// The parameters that no adapter of PEFT can have.
  private(set) var unsaved: [String] = []

  /// Compares all parameters but those of low-rank updates.
  ///
  /// - Throws: what reading throws.
  init(_ pair: ModelPair) throws(CheckpointError) {
    var differing: [ModelPair.Parameter] = []
    for parameter in pair.parameters where !parameter.isLowRank {
      if try !parameter.difference.isZero() { differing.append(parameter) }
    }
    names = differing.map(\.path)
    var whole: Set<String> = []
    for parameter in differing {
      if parameter.name == "bias", Self.hasUpdate(parameter.module) {
        hasBiases = true
        try add(parameter, .bias)
      } else if pair.tree.modules.contains(where: {
        $0.name.hasPrefix(parameter.module.name + ".")
      }) {
        unsaved.append(parameter.path)
      } else {
        whole.insert(parameter.module.name)
      }
    }
    for parameter in pair.parameters where whole.contains(parameter.module.name) {
      if modules.last != parameter.module.name { modules.append(parameter.module.name) }
      try add(parameter, .savedModule)
    }
  }

  /// Whether the weight of a module may have an update of its own, so that its bias is trained alone.
  private static func hasUpdate(_ module: BaseModule) -> Bool {
    switch module.kind {
    case .linear, .transposedLinear, .convolution: true
    default: false
    }
  }

  private mutating func add(
    _ parameter: ModelPair.Parameter, _ kind: LowRankAdapter.OtherTensor.Kind
  ) throws(CheckpointError) {
    let pieces = parameter.difference.tuned.pieces
    guard pieces.count == 1, let shape = parameter.module.shape(of: parameter.name) else {
      unsaved.append(parameter.path)
      return
    }
    let sizes = shape.dimensions.map { Int(clamping: $0) }
    tensors.append(
      .init(view: try pieces[0].view.reshaped(sizes), name: parameter.path, kind: kind))
  }
}
