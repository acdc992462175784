// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import PEFT
internal import Tensors

/// Stacks the factors of separate experts into those of the parameters of all of them. Two projections
/// in one parameter have their factors on the diagonal: the ranks add up.
struct ExpertFusion {
  private let adapter: LowRankAdapter
  /// The separate projections by the path of their experts.
  private var groups: [TensorName: [(place: ExpertNames.Place, module: LowRankModule)]] = [:]

  init(_ adapter: LowRankAdapter) {
    self.adapter = adapter
    for module in adapter.modules {
      guard module.kind == .linear, let place = ExpertNames.place(of: module.name) else { continue }
      groups[TensorName(place.parent), default: []].append((place, module))
    }
  }

  /// The modules, with the stacked experts in the place of the first separate one.
  ///
  /// - Throws: `mismatch` for experts that lack a projection or differ in shape; `unsupported` for DoRA
  ///   and biases.
  func modules() throws(CheckpointError) -> [LowRankModule] {
    var modules: [LowRankModule] = []
    var seen: Set<TensorName> = []
    for module in adapter.modules {
      guard module.kind == .linear, let place = ExpertNames.place(of: module.name) else {
        modules.append(module)
        continue
      }
      let key = TensorName(place.parent)
      guard seen.insert(key).inserted, let group = groups[key] else { continue }
      let names = place.names
      let parent = names.fusedParent(of: place.parent)
      for (leaf, parts) in [
        (ExpertNames.gateUp, [names.gate, names.up]), (ExpertNames.stackedDown, [names.down]),
      ] {
        let members = group.filter { parts.contains($0.place.leaf) }
        guard !members.isEmpty else { continue }
        modules.append(try stack(members, parts: parts, as: "\(parent).\(leaf)"))
      }
    }
    return modules
  }

  private typealias Member = (place: ExpertNames.Place, module: LowRankModule)

  private func stack(
    _ members: [Member], parts: [String], as name: String
  ) throws(CheckpointError) -> LowRankModule {
    let first = members[0].module
    let largest = members.reduce(0) { max($0, $1.place.expert) }
    let count = min(largest, members.count) + 1
    let present = parts.filter { part in members.contains { $0.place.leaf == part } }
    // Each expert has each projection once; numbers above the count of members leave a gap.
    guard members.count == count * present.count,
      Set(members.map { "\($0.place.expert).\($0.place.leaf)" }).count == members.count
    else {
      throw misfit(name, "lacks projections of some of its \(Sizes.count(count, "expert"))")
    }
    let (input, out) = (first.a.sizes[1], first.b.sizes[0])
    for (_, module) in members {
      guard module.isPlain else {
        throw CheckpointError(
          .unsupported,
          "\(module.name.printable) has DoRA's magnitudes or a bias, which stacked experts "
            + "cannot have", path: adapter.path)
      }
      guard module.a.sizes[1] == input, module.b.sizes[0] == out else {
        throw misfit(name, "has experts of other shapes than \(first.name.printable)")
      }
    }
    // Ranks are padded, and scales are folded where they differ.
    let ranks = present.map { part in
      members.filter { $0.place.leaf == part }.map(\.module.scale.rank).max() ?? 0
    }
    let scales = Set(members.map(\.module.scale.scale))
    let scale = scales.count == 1 ? first.scale.scale : 1
    let rank = ranks.reduce(0, +)
    var a: [ComposedTensor.Piece] = []
    var b: [ComposedTensor.Piece] = []
    for (place, module) in members {
      let half = parts.firstIndex(of: place.leaf) ?? 0
      let start = zip(present, ranks).prefix { $0.0 != place.leaf }.reduce(0) { $0 + $1.1 }
      let factor = scales.count == 1 ? 1 : module.scale.scale
      a.append(
        .init(try module.a.reshaped([1] + module.a.sizes), at: [place.expert, start, 0]))
      b.append(
        .init(
          try module.b.reshaped([1] + module.b.sizes), at: [place.expert, half * out, start],
          factor: factor))
    }
    let archive = try ComposedArchive(
      path: adapter.path, format: CheckpointFormats.standard,
      tensors: [
        ComposedTensor(
          name + ".lora_A", dtype: Self.dtype(of: members.map(\.module.a.dtype)),
          shape: [count, rank, input], pieces: a),
        ComposedTensor(
          name + ".lora_B", dtype: Self.dtype(of: members.map(\.module.b.dtype)),
          shape: [count, parts.count * out, rank], pieces: b),
      ])
    return LowRankModule(
      name: name, kind: .experts(count: count, isTransposed: false),
      a: try FactorView(archive, at: 0), b: try FactorView(archive, at: 1),
      scale: LoRAScale(rank: rank, alpha: scale * Double(rank), scale: scale))
  }

  /// The dtype of stacked factors: their own, if it is one.
  private static func dtype(of dtypes: [DType]) -> DType {
    Set(dtypes).count == 1 ? dtypes[0] : dtypes.contains(.float64) ? .float64 : .float32
  }

  private func misfit(_ name: String, _ message: String) -> CheckpointError {
    CheckpointError(.mismatch, "\(name.printable) \(message)", path: adapter.path)
  }
}
