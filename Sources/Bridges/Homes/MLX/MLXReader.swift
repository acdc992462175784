// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// Reads the tensors of mlx-lm into canonical form (spec/mlx.md, MX3, MX9).
struct MLXReader {
  private let directory: MLXDirectory
  private let base: BaseModel?
  private let names: MLXNames
  private(set) var modules: [LowRankModule] = []
  private var experts: MLXExperts

  /// The tensors of a module.
  private struct Entry {
    let name: String
    var places: [String: Int] = [:]
  }

  private static let leaves: Set<String> = ["lora_a", "lora_b", "m"]

  init(_ directory: MLXDirectory, base: BaseModel?) {
    self.directory = directory
    self.base = base
    names = MLXNames(base, path: directory.weights.path)
    experts = MLXExperts(scale: directory.config.scale)
  }

  /// Reads all tensors.
  ///
  /// - Throws: `missing` or `mismatch` for what mlx-lm refuses or leaves without effect.
  mutating func read() throws(CheckpointError) {
    for entry in try entries() {
      let a = try view("lora_a", of: entry)
      let b = try view("lora_b", of: entry)
      let magnitude = try magnitude(of: entry)
      if a.sizes.count == 3 {
        try checkShapes(a, b, rankAxes: (1, 2), entry)
        try addExperts(a, b, entry)
      } else {
        try checkShapes(a, b, rankAxes: (1, 0), entry)
        try add(a.transposed(), b.transposed(), magnitude, entry)
      }
    }
    modules += try experts.modules()
    try tieHead()
  }

  /// The tensors by module, in the order of the file.
  private func entries() throws(CheckpointError) -> [Entry] {
    let weights = directory.weights
    var entries: [Entry] = []
    var places: [UTF8Text: Int] = [:]
    for index in 0..<weights.tensorCount {
      let path = weights.tensor(at: index).name.string.components
      guard path.count > 1, let last = path.last, Self.leaves.contains(String(last)) else {
        throw CheckpointError(
          .mismatch, "is not a tensor of an adapter, and mlx-lm refuses it", path: weights.path,
          tensor: weights.tensor(at: index).name)
      }
      let module = path.dropLast().dotted
      let place = places[UTF8Text(module)] ?? entries.count
      if place == entries.count {
        places[UTF8Text(module)] = place
        entries.append(Entry(name: module))
      }
      entries[place].places[String(last)] = index
    }
    return entries
  }

  private func view(_ leaf: String, of entry: Entry) throws(CheckpointError) -> FactorView {
    guard let place = entry.places[leaf] else {
      throw CheckpointError(
        .missing,
        "\(entry.name.printable) has no \(leaf), which mlx-lm would leave at its fresh value",
        path: directory.weights.path)
    }
    let view = try FactorView(directory.weights, at: place)
    guard 2...3 ~= view.sizes.count, view.elementCount > 0 else {
      throw misfit(leaf, of: entry, "has the shape \(Shape(view.sizes))")
    }
    return view
  }

  private func checkShapes(
    _ a: FactorView, _ b: FactorView, rankAxes: (Int, Int), _ entry: Entry
  ) throws(CheckpointError) {
    let rank = directory.config.rank
    guard a.sizes[rankAxes.0] == rank else {
      throw misfit(
        "lora_a", of: entry,
        "has the shape \(Shape(a.sizes)), and the rank of the config is \(rank)")
    }
    guard b.sizes.count == a.sizes.count, b.sizes[rankAxes.1] == rank,
      a.sizes.count == 2 || a.sizes[0] == b.sizes[0]
    else {
      throw misfit(
        "lora_b", of: entry, "has the shape \(Shape(b.sizes)), which does not fit lora_a")
    }
  }

  /// DoRA's magnitudes, which an adapter has for all modules or for none.
  private func magnitude(of entry: Entry) throws(CheckpointError) -> FactorView? {
    let isDoRA = directory.config.fineTuning == .dora
    guard let place = entry.places["m"] else {
      guard !isDoRA else {
        throw CheckpointError(
          .missing,
          "\(entry.name.printable) has no m, though \"fine_tune_type\" is dora: mlx-lm would take "
            + "that of the base model", path: directory.weights.path)
      }
      return nil
    }
    guard isDoRA else {
      throw misfit("m", of: entry, "is not loaded by mlx-lm: \"fine_tune_type\" is not dora")
    }
    return try FactorView(directory.weights, at: place)
  }

  private mutating func add(
    _ a: FactorView, _ b: FactorView, _ magnitude: FactorView?, _ entry: Entry
  ) throws(CheckpointError) {
    let name = try names.baseName(entry.name)
    let isEmbedding = BaseModel.isEmbedding(named: name)
    if let magnitude {
      guard !isEmbedding else {
        throw misfit(
          "m", of: entry,
          "has a norm for each token, where PEFT has one for each dimension of the embedding")
      }
      guard magnitude.sizes == [b.sizes[0]] else {
        throw misfit("m", of: entry, "has the shape \(Shape(magnitude.sizes))")
      }
    }
    modules.append(
      LowRankModule(
        name: name, kind: isEmbedding ? .embedding : .linear, a: a, b: b, scale: scale,
        magnitude: magnitude))
  }

  private mutating func addExperts(
    _ a: FactorView, _ b: FactorView, _ entry: Entry
  ) throws(CheckpointError) {
    guard entry.places["m"] == nil else {
      throw misfit("m", of: entry, "belongs to experts, which have no DoRA in MLX")
    }
    let path = entry.name.components
    try experts.add(
      a, b, leaf: String(path.last ?? ""),
      parent: try names.baseExpertsName(path.dropLast().dotted), path: directory.weights.path)
  }

  /// Adds the output's side of an embedding that MLX applies to the output as well.
  private mutating func tieHead() throws(CheckpointError) {
    guard let embedding = modules.first(where: TiedEmbedding.mayBeTied),
      !modules.contains(where: { TiedEmbedding.isHead($0.name) })
    else { return }
    guard let ties = base?.tiesEmbeddings else {
      throw CheckpointError(
        .missing,
        "the base model is needed: whether \(embedding.name.printable) is tied to the output "
          + "decides what MLX computes", path: directory.weights.path, remedy: .provideBase)
    }
    if ties { modules.append(TiedEmbedding.head(of: embedding)) }
  }

  private var scale: LoRAScale { directory.config.loRAScale }

  private func misfit(_ leaf: String, of entry: Entry, _ message: String) -> CheckpointError {
    CheckpointError(
      .mismatch, message, path: directory.weights.path,
      tensor: TensorName("\(entry.name).\(leaf)"))
  }
}

extension MLXConfig {
  /// The scale of all modules. PEFT's α is `scale` times `rank`.
  var loRAScale: LoRAScale {
    LoRAScale(rank: rank, alpha: scale * Double(rank), scale: scale)
  }
}
