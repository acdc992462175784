// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// Lays out the factors of a LoHa or LoKr adapter of PEFT as LyCORIS loads them (spec/kohya.md, KO12 to
/// KO15).
struct FactorWriter {
  /// The factors of a module.
  struct Module {
    let name: String
    let alpha: Double
    var tensors: [(leaf: String, view: FactorView, factor: Double)] = []
  }

  private(set) var modules: [Module] = []
  private let adapter: LowRankAdapter
  private let isForLyCORIS: Bool

  /// Lays the factors out.
  ///
  /// - Parameter isForLyCORIS: whether LyCORIS itself is to load them, which takes less than others.
  /// - Throws: `unsupported` for tensors that are no factors, and for factors that LyCORIS does not
  ///   load; `mismatch` when the config does not tell a scale.
  init(_ adapter: LowRankAdapter, isForLyCORIS: Bool) throws(CheckpointError) {
    self.adapter = adapter
    self.isForLyCORIS = isForLyCORIS
    guard let config = adapter.config else { return }
    let isLoKr = try config.peftType.rawValue == "LOKR"
    let known = isLoKr ? FactoredModule.lokr : FactoredModule.loha
    var scales = LoRAScales(config, alphaKey: "alpha")
    var groups: [(name: String, leaves: [String: FactorView])] = []
    var places: [UTF8Text: Int] = [:]
    for other in adapter.others {
      guard let dot = other.name.utf8.lastIndex(of: UInt8(ascii: ".")),
        case let leaf = String(other.name[other.name.utf8.index(after: dot)...]),
        known.contains(leaf), leaf != "alpha"
      else {
        throw CheckpointError(
          .unsupported, "is not a factor of a module, and has no place in LyCORIS's files",
          path: adapter.path, tensor: other.view.name)
      }
      let name = String(other.name[..<dot])
      let place = places[UTF8Text(name)] ?? groups.count
      if place == groups.count {
        places[UTF8Text(name)] = place
        groups.append((name, [:]))
      }
      groups[place].leaves[leaf] = other.view
    }
    for (name, leaves) in groups {
      guard let scale = scales.scale(of: name) else {
        throw CheckpointError(
          .mismatch, "the config does not tell the scale of \(name.printable)", path: adapter.path)
      }
      modules.append(
        isLoKr ? try kronecker(name, leaves, scale) : try hadamard(name, leaves, scale))
    }
    guard !modules.isEmpty else {
      throw CheckpointError(.unsupported, "has no modules to convert", path: adapter.path)
    }
  }

  private func hadamard(
    _ name: String, _ leaves: [String: FactorView], _ scale: LoRAScale
  ) throws(CheckpointError) -> Module {
    var module = Module(name: name, alpha: try AlphaTensor.value(of: scale, module: name))
    for leaf in ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"] {
      guard let view = leaves[leaf] else { throw missing(leaf, name) }
      if leaf.hasSuffix("_b") { try check(view, rank: scale.rank) }
      module.tensors.append((leaf, view, 1))
    }
    for leaf in ["hada_t1", "hada_t2"] {
      guard let view = leaves[leaf] else { continue }
      try refuseFlatCore(view)
      module.tensors.append((leaf, view, 1))
    }
    return module
  }

  private func kronecker(
    _ name: String, _ leaves: [String: FactorView], _ scale: LoRAScale
  ) throws(CheckpointError) -> Module {
    let isFull = leaves["lokr_w1"] != nil && leaves["lokr_w2"] != nil
    // LyCORIS gives factors without a rank the scale 1, whatever their α.
    let alpha =
      isFull ? Double(scale.rank) : try AlphaTensor.value(of: scale, module: name)
    var module = Module(name: name, alpha: alpha)
    for (full, parts) in [
      ("lokr_w1", ["lokr_w1_a", "lokr_w1_b"]), ("lokr_w2", ["lokr_w2_a", "lokr_w2_b"]),
    ] {
      if let view = leaves[full] {
        guard view.sizes.count != 3 else {
          throw FactoredModule.oneDimensional(name, path: adapter.path)
        }
        module.tensors.append((full, view, isFull && full == "lokr_w1" ? scale.scale : 1))
        continue
      }
      for leaf in parts {
        guard let view = leaves[leaf] else { throw missing(leaf, name) }
        if leaf.hasSuffix("_b") { try check(view, rank: scale.rank) }
        module.tensors.append((leaf, view, 1))
      }
    }
    if let view = leaves["lokr_t2"] {
      try refuseFlatCore(view)
      module.tensors.append(("lokr_t2", view, 1))
    }
    if isForLyCORIS { try refuseUnloadable(name, leaves) }
    return module
  }

  /// Refuses factors that LyCORIS's own loader does not take.
  private func refuseUnloadable(
    _ name: String, _ leaves: [String: FactorView]
  ) throws(CheckpointError) {
    func refusal(_ what: String) -> CheckpointError {
      CheckpointError(
        .unsupported, "\(name.printable) has \(what), which LyCORIS does not load",
        path: adapter.path, hint: "for other programs, convert to kohya")
    }
    if leaves["lokr_t2"] != nil { throw refusal("the core of a Tucker decomposition") }
    let isSmallLowRank = leaves["lokr_w1"] == nil
    if isSmallLowRank, leaves["lokr_w2"] != nil {
      throw refusal("a low-rank first and a full second factor")
    }
    let first = leaves["lokr_w1"] ?? leaves["lokr_w1_a"]
    let second = leaves["lokr_w2"] ?? leaves["lokr_w2_a"]
    guard let rows = first?.sizes.first, let other = second?.sizes.first,
      let columns = (leaves["lokr_w1"] ?? leaves["lokr_w1_b"])?.sizes.dropFirst().first
    else { return }
    guard let inner = innerColumns(leaves) else { return }
    let small = KroneckerFactors.Size(rows: rows, columns: columns)
    let large = KroneckerFactors.Size(rows: other, columns: inner)
    // The columns of a flat second factor may have a kernel in them, which the file does not tell.
    let kernels = leaves["lokr_w2"] == nil ? Self.kernels : [1]
    let isLoaded = kernels.contains {
      KroneckerFactors.isLoadedByLyCORIS(small, large, kernel: $0)
    }
    guard isLoaded else { throw refusal("factors of \(small) and \(large)") }
  }

  /// The places of usual kernels.
  private static let kernels = [1, 3, 5, 7, 9, 25, 49]

  /// The columns of the second factor.
  private func innerColumns(_ leaves: [String: FactorView]) -> Int? {
    guard let view = leaves["lokr_w2"] ?? leaves["lokr_w2_b"], view.sizes.count > 1 else {
      return nil
    }
    return view.sizes[1]
  }

  private func check(_ view: FactorView, rank: Int) throws(CheckpointError) {
    guard view.sizes.first == rank else {
      throw CheckpointError(
        .mismatch, "has the shape \(Shape(view.sizes)), but the config's rank is \(rank)",
        path: adapter.path, tensor: view.name)
    }
  }

  /// PEFT writes the core of a one-dimensional convolution like that of one of k × 1.
  private func refuseFlatCore(_ view: FactorView) throws(CheckpointError) {
    guard view.sizes.count == 4, view.sizes[3] == 1 else { return }
    throw CheckpointError(
      .unsupported,
      "has the shape \(Shape(view.sizes)), which does not tell a one-dimensional convolution from one "
        + "of k × 1", path: adapter.path, tensor: view.name)
  }

  private func missing(_ leaf: String, _ module: String) -> CheckpointError {
    CheckpointError(
      .missing, "module \(module.printable) has no \(leaf)", path: adapter.path)
  }
}
