// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Divides the factors of stacked experts into those of a module for each projection of each expert.
struct ExpertSeparation {
  private let adapter: LowRankAdapter
  private let names: ExpertNames

  init(_ adapter: LowRankAdapter, names: ExpertNames) {
    self.adapter = adapter
    self.names = names
  }

  /// The modules, with those of experts in the place of the stacked ones.
  ///
  /// - Throws: `unsupported` for parameters that are not those of separate modules.
  func modules() throws(CheckpointError) -> [LowRankModule] {
    var modules: [LowRankModule] = []
    for module in adapter.modules {
      if case .experts(let count, let isTransposed) = module.kind {
        modules += try separate(module, count: count, isTransposed: isTransposed)
      } else {
        modules.append(module)
      }
    }
    return modules
  }

  private func separate(
    _ module: LowRankModule, count: Int, isTransposed: Bool
  ) throws(CheckpointError) -> [LowRankModule] {
    let path = module.name.components
    guard !isTransposed, module.isPlain, let leaf = path.last, path.count > 1 else {
      throw unsupported(module)
    }
    let out = module.b.sizes[1]
    let parts: [(leaf: String, rows: Range<Int>)]
    switch leaf {
    case ExpertNames.gateUp[...]:
      guard out.isMultiple(of: 2) else { throw unsupported(module) }
      parts = [(names.gate, 0..<out / 2), (names.up, out / 2..<out)]
    case ExpertNames.stackedDown[...]: parts = [(names.down, 0..<out)]
    default: throw unsupported(module)
    }
    let parent = names.separateParent(of: path.dropLast().dotted)
    var modules: [LowRankModule] = []
    for expert in 0..<count {
      let a = try Self.slice(module.a, expert)
      let b = try Self.slice(module.b, expert)
      for part in parts {
        modules.append(
          LowRankModule(
            name: "\(parent).\(expert).\(part.leaf)", kind: .linear, a: a,
            b: try b.subrange(axis: 0, part.rows), scale: module.scale))
      }
    }
    return modules
  }

  /// The factor of one expert.
  private static func slice(_ view: FactorView, _ expert: Int) throws(CheckpointError) -> FactorView
  {
    try view.subrange(axis: 0, expert..<expert + 1).reshaped(Array(view.sizes.dropFirst()))
  }

  private func unsupported(_ module: LowRankModule) -> CheckpointError {
    CheckpointError(
      .unsupported,
      "the experts of \(module.name.printable) are not divided into modules: only "
        + "gate_up_proj, gate over up, and down_proj are, of the shape [experts, out, in]",
      path: adapter.path)
  }
}
