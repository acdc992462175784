// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// The parameters of a base model and of the same model after training, by the modules of transformers
/// (spec/adapter-algebra.md, AL20).
struct ModelPair {
  /// A parameter that both models have.
  struct Parameter: Sendable {
    /// The module in the base model.
    let module: BaseModule
    /// The name in the module.
    let name: String
    let difference: Difference
    /// Whether both models have the weight of another module in its place.
    let isTied: Bool

    /// The name in the base model.
    var path: String { module.name.isEmpty ? name : module.name + "." + name }

    /// Whether a low-rank update of the module can hold the difference.
    var isLowRank: Bool {
      guard name == "weight", !isTied else { return false }
      let sizes = module.shape(of: name)?.dimensions ?? []
      switch module.kind {
      case .linear, .transposedLinear: return sizes.count == 2
      // With one channel for each output, it is likely a convolution of several groups.
      case .convolution(let count): return sizes.count == count + 2 && sizes[1] > 1
      default: return false
      }
    }
  }

  /// The parameters in the order of the base model.
  let parameters: [Parameter]
  /// The modules of the base model.
  let tree: ModuleTree

  /// Pairs the parameters.
  ///
  /// - Throws: `missing` for models without weights or modules; `unsupported` for quantized models;
  ///   `mismatch` for parameters that one of them lacks, or has with another shape.
  init(_ base: BaseModel, _ tuned: BaseModel) throws(CheckpointError) {
    let (ours, theirs) = (try Self.side(base), try Self.side(tuned))
    tree = ours.tree
    var parameters: [Parameter] = []
    var found: Set<String> = []
    for module in ours.tree.modules {
      for parameter in module.parameters {
        let path = module.name + "." + parameter.name
        let own = try ours.parameter(module.name, parameter.name)
        let other = try theirs.parameter(module.name, parameter.name)
        found.insert(path)
        guard let own, let other else {
          // Buffers that files may leave out, and weights that both models tie.
          guard own == nil, other == nil else {
            throw CheckpointError(
              .mismatch, "has no \(path.printable), which \((own == nil ? tuned : base).path) has",
              path: (own == nil ? base : tuned).path)
          }
          continue
        }
        let shape = theirs.tree[module.name]?.shape(of: parameter.name)
        guard own.stored.rowCount == other.stored.rowCount, own.stored.width == other.stored.width
        else {
          throw CheckpointError(
            .mismatch,
            "\(path.printable) has the shape \(shape ?? []), and "
              + "\(parameter.shape ?? []) in \(base.path)", path: tuned.path)
        }
        parameters.append(
          Parameter(
            module: module, name: parameter.name,
            difference: Difference(base: own.stored, tuned: other.stored),
            isTied: own.isTied && other.isTied))
      }
    }
    for module in theirs.tree.modules where module.isInFiles {
      for parameter in module.parameters {
        let path = module.name + "." + parameter.name
        guard !found.contains(path) else { continue }
        throw CheckpointError(
          .mismatch, "has no \(path.printable), which \(tuned.path) has", path: base.path)
      }
    }
    self.parameters = parameters
  }

  /// One of the models.
  private struct Side {
    let tree: ModuleTree
    let weights: any TensorArchive
    let sources: [String: String]

    /// A parameter of a module, or of the module that it is tied to; nil where the files lack it.
    func parameter(
      _ module: String, _ name: String
    ) throws(CheckpointError) -> (stored: StoredParameter, isTied: Bool)? {
      for place in [module, sources[module]].compactMap(\.self) {
        guard let parameter = tree[place]?.parameters.first(where: { $0.name == name }),
          let shape = parameter.shape, !parameter.parts.isEmpty
        else { continue }
        if let stored = try StoredParameter(parameter.parts, shape, of: weights) {
          return (stored, place != module)
        }
      }
      return nil
    }
  }

  private static func side(_ model: BaseModel) throws(CheckpointError) -> Side {
    guard let weights = model.weights else {
      throw CheckpointError(.missing, "has no weights", path: model.path)
    }
    guard let tree = model.modules() else {
      throw CheckpointError(.unsupported, "has modules that are not known", path: model.path)
    }
    if let packed = tree.modules.first(where: \.isPacked) {
      throw CheckpointError(
        .unsupported, "\(packed.name.printable) is quantized: both models must be unquantized",
        path: model.path)
    }
    let sources = Dictionary(tree.tied.map { ($0.module, $0.source) }) { first, _ in first }
    return Side(tree: tree, weights: weights, sources: sources)
  }
}
