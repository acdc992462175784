// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// Reads the factors of LoHa and LoKr, which PEFT names as LyCORIS does, and makes the config that PEFT
/// needs for them (spec/kohya.md, KO12 to KO15).
struct FactorReader {
  let archive: any TensorArchive

  /// Reads modules of one kind.
  ///
  /// - Parameter modules: the modules, each with that of the base model; at least one.
  /// - Throws: `unsupported` for tensors and shapes that PEFT would not make, `missing` and `mismatch`
  ///   for those that do not fit.
  func adapter(
    _ modules: [(UnderscoredModule, KnownModule)]
  ) throws(CheckpointError) -> LowRankAdapter {
    let isLoKr = modules.contains { $0.0.leaves.keys.contains { $0.hasPrefix("lokr_") } }
    var shapes: [FactoredModule] = []
    for (module, base) in modules {
      try module.refuseOthers(isLoKr ? FactoredModule.lokr : FactoredModule.loha, in: archive)
      let shape = try FactoredModule(module, base, isLoKr: isLoKr, in: archive)
      guard shape.rank > 0 else {
        throw CheckpointError(
          .mismatch, "the factors of \(shape.name.printable) have the rank 0", path: archive.path)
      }
      shapes.append(shape)
    }
    var document = isLoKr ? try kronecker(shapes) : Self.defaults
    document["peft_type"] = .string(isLoKr ? "LOKR" : "LOHA")
    document["use_effective_conv2d"] = .bool(try usesCores(shapes))
    document["target_modules"] = .array(shapes.map { .string($0.name) })
    var scales: [(name: String, scale: LoRAScale)] = []
    for shape in shapes { scales.append((shape.name, try scale(of: shape))) }
    PEFTScales(scales).write(to: &document, alphaKey: "alpha")
    document.removeValue(forKey: "use_rslora")
    document.sortKeys()
    var others: [LowRankAdapter.OtherTensor] = []
    for shape in shapes {
      for (leaf, view) in shape.tensors {
        others.append(.init(view: view, name: shape.name + "." + leaf, kind: .unknown))
      }
    }
    return LowRankAdapter(
      path: archive.path, modules: [], others: others, config: AdapterConfig(document: document))
  }

  private static let defaults: JSONObject = [
    "auto_mapping": nil, "base_model_name_or_path": nil, "exclude_modules": nil,
    "inference_mode": true, "init_weights": true, "layers_pattern": nil,
    "layers_to_transform": nil, "module_dropout": 0.0, "modules_to_save": nil,
    "peft_version": "0.21.2", "rank_dropout": 0.0, "revision": nil, "task_type": nil,
  ]

  /// The scale that LyCORIS gives a module: 1 where no factor has a rank, whatever α says.
  private func scale(of shape: FactoredModule) throws(CheckpointError) -> LoRAScale {
    let rank = shape.rank
    guard !shape.isFull, let index = shape.alpha else {
      return LoRAScale(rank: rank, alpha: Double(rank), scale: 1)
    }
    let alpha = try AlphaTensor.value(of: index, in: archive)
    return LoRAScale(rank: rank, alpha: alpha, isRankStabilized: false)
  }

  /// Whether convolutions have cores, which is one key for all in PEFT.
  private func usesCores(_ shapes: [FactoredModule]) throws(CheckpointError) -> Bool {
    guard let with = shapes.first(where: \.hasCore) else { return false }
    // A full w2 has no rank, and so no core either.
    if let without = shapes.first(where: { $0.couldHaveCore && !$0.hasCore }) {
      throw refusal(
        "\(with.name.printable) has the core of a Tucker decomposition and \(without.name.printable) "
          + "does not, which PEFT has no config for")
    }
    return true
  }

  /// The keys of a config that give LoKr's factors their shapes.
  ///
  /// - Throws: `unsupported` when PEFT would make other shapes, and so ignore tensors.
  private func kronecker(_ shapes: [FactoredModule]) throws(CheckpointError) -> JSONObject {
    let candidates = [-1] + Set(shapes.map(\.small.rows)).sorted()
    let factor = candidates.first { factor in
      shapes.allSatisfy { shape in
        let rows = KroneckerFactors(of: shape.small.rows * shape.large.rows, by: factor)
        let columns = KroneckerFactors(of: shape.small.columns * shape.large.columns, by: factor)
        return rows?.small == shape.small.rows && columns?.small == shape.small.columns
      }
    }
    guard let factor else {
      throw refusal(
        "the sizes of the factors of \(shapes[0].name.printable) and others follow from no "
          + "\"decompose_factor\" of PEFT")
    }
    let splitsSmall = shapes.contains { $0.isSmallLowRank }
    for shape in shapes {
      let isLargeFull = KroneckerFactors.isFull(shape.large, rank: shape.rank)
      guard isLargeFull == !shape.isLargeLowRank else {
        throw refusal(
          "\(shape.name.printable) has a "
            + (shape.isLargeLowRank ? "low-rank" : "full")
            + " second factor \(shape.large), for which PEFT makes the other kind at the rank "
            + "\(shape.rank)")
      }
      let isSmallFull = !splitsSmall || KroneckerFactors.isFull(shape.small, rank: shape.rank)
      guard isSmallFull == !shape.isSmallLowRank else {
        throw refusal(
          "\(shape.name.printable) has a \(shape.isSmallLowRank ? "low-rank" : "full") first factor, "
            + "for which PEFT makes the other kind")
      }
    }
    var document = Self.defaults
    document["decompose_both"] = .bool(splitsSmall)
    document["decompose_factor"] = JSONValue(factor)
    document["rank_dropout_scale"] = false
    return document
  }

  private func refusal(_ message: String) -> CheckpointError {
    CheckpointError(.unsupported, message, path: archive.path)
  }
}
