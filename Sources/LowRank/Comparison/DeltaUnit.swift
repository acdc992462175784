// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors

/// What is compared at once: the update of a module, or of stacked experts.
struct DeltaUnit: Sendable {
  let name: String
  /// One part, or one for each expert.
  let parts: [DeltaPart]
  /// The module in canonical form; nil where the update is computed from other tensors.
  let module: LowRankModule?
  /// The rank that scales are relative to.
  var rank: Int { module?.scale.rank ?? parts.first?.rank ?? 1 }

  init(name: String, parts: [DeltaPart], module: LowRankModule?) {
    self.name = name
    self.parts = parts
    self.module = module
  }

  /// Describes the update of a module.
  ///
  /// - Throws: `mismatch` for factors that are not of the module's kind.
  init(_ module: LowRankModule) throws(CheckpointError) {
    var parts: [DeltaPart] = []
    let scale = module.scale.scale
    if case .experts(let count, _) = module.kind {
      guard module.a.sizes.count == 3, module.b.sizes.count == 3, module.a.sizes[0] == count,
        module.b.sizes[0] == count
      else { throw module.a.misfit("has the shape \(Shape(module.a.sizes))") }
      let (a, b) = (module.a, module.b.transposed(1, 2))
      for expert in 0..<count {
        parts.append(
          DeltaPart(a: try a.element(expert), b: try b.element(expert), scale: scale))
      }
    } else {
      guard module.a.sizes.count >= 2, module.b.sizes.count >= 2 else {
        throw module.a.misfit("has the shape \(Shape(module.a.sizes))")
      }
      let rank = module.a.sizes[0]
      let width = FactorView.product(Array(module.a.sizes.dropFirst())) ?? 0
      let b = try module.b.reshaped([module.b.sizes[0], module.b.sizes[1]])
      parts = [
        DeltaPart(a: try module.a.reshaped([rank, width]), b: b.transposed(), scale: scale)
      ]
    }
    for part in parts {
      guard part.views?.b.sizes[0] == part.rank else {
        throw module.b.misfit("does not have the rank \(part.rank)")
      }
    }
    self.init(name: module.name, parts: parts, module: module)
  }

  /// The updates of the experts one by one, gate and up apart, by the names that modules for each have;
  /// nil for other modules.
  ///
  /// - Throws: never for units that `init` made.
  func separated() throws(CheckpointError) -> [DeltaUnit]? {
    guard case .experts(_, let isTransposed)? = module?.kind else { return nil }
    let path = name.components
    guard let leaf = path.last.map({ String($0) }), path.count > 1 else { return nil }
    let parent = path.dropLast().dotted
    var units: [DeltaUnit] = []
    for (expert, part) in parts.enumerated() {
      let size = part.outputs
      guard leaf == ExpertNames.gateUp, !isTransposed, size.isMultiple(of: 2),
        let views = part.views
      else {
        units.append(
          DeltaUnit(
            name: Self.known("\(parent).\(expert).\(leaf)"), parts: [part], module: module))
        continue
      }
      for (half, leaf) in [ExpertNames.usual.gate, ExpertNames.usual.up].enumerated() {
        let rows = half * size / 2..<(half + 1) * size / 2
        let b = try views.b.subrange(axis: 1, rows)
        units.append(
          DeltaUnit(
            name: "\(parent).\(expert).\(leaf)",
            parts: [DeltaPart(a: views.a, b: b, scale: part.scale)], module: module))
      }
    }
    return units
  }

  /// The name that a module of an expert has beside stacked ones; another name as it is.
  static func known(_ name: String) -> String {
    guard let place = ExpertNames.place(of: name) else { return name }
    let (names, usual) = (place.names, ExpertNames.usual)
    let leaf =
      switch place.leaf {
      case names.gate: usual.gate
      case names.up: usual.up
      default: usual.down
      }
    return "\(names.fusedParent(of: place.parent)).\(place.expert).\(leaf)"
  }
}

extension FactorView {
  /// The elements at one index of the first dimension.
  fileprivate func element(_ index: Int) throws(CheckpointError) -> FactorView {
    let part = try subrange(axis: 0, index..<index + 1)
    return try part.reshaped(Array(sizes.dropFirst()))
  }
}
