// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// Turns the modules of an adapter into those of mlx-lm (spec/mlx.md, MX3 to MX6).
struct MLXUpdates {
  private let base: BaseModel?
  private let names: MLXNames
  private let path: String
  private(set) var updates: [MLXUpdate] = []
  /// The places of the experts that have factors of their own, by the name in mlx-lm.
  private var places: [UTF8Text: Int] = [:]

  /// The most experts of a module.
  private static let largestExpertCount = 1 << 16
  /// What mlx-lm calls the projections of an expert.
  private static let (gate, up, down) = ("gate_proj", "up_proj", "down_proj")

  init(_ adapter: LowRankAdapter, base: BaseModel?) throws(CheckpointError) {
    self.base = base
    path = adapter.path
    names = MLXNames(base, path: adapter.path)
    let tied = try TiedEmbedding(adapter, base: base)
    for module in adapter.modules where !tied.leavesOut(module) {
      try add(module)
    }
    for (name, place) in places { try check(name.string, updates[place]) }
  }

  private mutating func add(_ module: LowRankModule) throws(CheckpointError) {
    switch module.kind {
    case .linear:
      if try addExpert(module) { return }
      try addSingle(module)
    case .embedding: try addSingle(module)
    case .experts(let count, let isTransposed):
      guard !isTransposed else {
        throw CheckpointError(
          .unsupported,
          "\(module.name.printable) has experts [in, out], for which no rule is known",
          path: path)
      }
      try addExperts(module, count)
    case .convolution:
      throw CheckpointError(
        .unsupported, "\(module.name.printable) is a convolution, which has no LoRA in MLX",
        path: path)
    }
  }

  private mutating func addSingle(_ module: LowRankModule) throws(CheckpointError) {
    updates.append(
      MLXUpdate(
        name: try names.name(module.name), kind: .single,
        parts: [.init(a: module.a, b: module.b, scale: module.scale)],
        magnitude: module.magnitude))
  }

  /// Adds the factors of stacked experts: of a joined gate and up projection, two modules that share
  /// A, each with its half of B.
  private mutating func addExperts(
    _ module: LowRankModule, _ count: Int
  ) throws(CheckpointError) {
    let path = module.name.components
    let out = module.b.sizes[1]
    let halves: [(leaf: String, rows: Range<Int>)]
    switch path.last.map(String.init) {
    case "gate_up_proj" where out.isMultiple(of: 2):
      halves = [(Self.gate, 0..<out / 2), (Self.up, out / 2..<out)]
    case let leaf? where [Self.gate, Self.up, Self.down].contains(leaf):
      halves = [(leaf, 0..<out)]
    default:
      throw CheckpointError(
        .unsupported, "no rule has the name of \(module.name.printable) in mlx-lm", path: self.path)
    }
    let parent = try names.expertsName(path.dropLast().dotted)
    for (leaf, rows) in halves {
      updates.append(
        MLXUpdate(
          name: "\(parent).\(leaf)", kind: .experts(count),
          parts: [
            .init(
              a: module.a, b: try module.b.subrange(axis: 1, rows), scale: module.scale)
          ]))
    }
  }

  /// Adds the factors of one expert that is a module of its own, `….experts.3.up_proj`.
  ///
  /// - Returns: false for other modules.
  private mutating func addExpert(_ module: LowRankModule) throws(CheckpointError) -> Bool {
    guard let place = ExpertNames.place(of: module.name) else { return false }
    guard module.magnitude == nil else {
      throw CheckpointError(
        .unsupported,
        "\(module.name.printable) has DoRA's magnitudes, which experts do not have in MLX",
        path: path)
    }
    let leaf = [place.names.gate: Self.gate, place.names.up: Self.up][place.leaf] ?? Self.down
    let name = "\(try names.expertsName(place.parent)).\(leaf)"
    let part = MLXUpdate.Part(
      a: try module.a.reshaped([1] + module.a.sizes),
      b: try module.b.reshaped([1] + module.b.sizes), scale: module.scale, expert: place.expert)
    guard let known = places[UTF8Text(name)] else {
      places[UTF8Text(name)] = updates.count
      guard let count = base?.expertCount, count <= Self.largestExpertCount else {
        throw CheckpointError(
          .missing, "the base model is needed: it has the number of experts", path: self.path,
          remedy: .provideBase)
      }
      updates.append(MLXUpdate(name: name, kind: .experts(count), parts: [part]))
      return true
    }
    updates[known].parts.append(part)
    return true
  }

  /// Checks that the experts of a module fit each other and the base model.
  private func check(_ name: String, _ update: MLXUpdate) throws(CheckpointError) {
    guard case .experts(let count) = update.kind else { return }
    let first = update.parts[0]
    let fits = update.parts.allSatisfy {
      $0.expert < count && $0.a.sizes[2] == first.a.sizes[2]
        && $0.b.sizes[1] == first.b.sizes[1]
    }
    guard fits, Set(update.parts.map(\.expert)).count == update.parts.count else {
      throw CheckpointError(
        .mismatch, "the experts of \(name.printable) do not fit \(count) of the base model",
        path: path)
    }
  }
}
