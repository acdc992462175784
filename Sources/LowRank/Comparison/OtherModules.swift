// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Looks for the module of the second adapter that has the update of a module of the first.
struct OtherModules {
  /// The updates of the first adapter, and those of the second one, of which the first ones are at the
  /// same places.
  let left: [DeltaUnit]
  let right: [DeltaUnit]
  private var samples: [Sample?] = []

  /// The most pairs of modules whose first elements are compared.
  private static let largestCount = 1 << 20

  init(left: [DeltaUnit], right: [DeltaUnit]) {
    self.left = left
    self.right = right
  }

  /// The slip of a module of the first adapter; nil where its update is nowhere in the second.
  ///
  /// - Throws: what reading throws.
  /// - Complexity: O(modules).
  mutating func slip(of index: Int) throws(CheckpointError) -> DeltaSlip? {
    guard left.count * right.count <= Self.largestCount else { return nil }
    if samples.isEmpty {
      samples = try right.map { unit throws(CheckpointError) in try Sample(unit) }
    }
    let unit = left[index]
    guard let sample = try Sample(unit) else { return nil }
    for (place, other) in right.enumerated() where other.name != unit.name {
      guard other.parts.count == unit.parts.count,
        zip(unit.parts, other.parts).allSatisfy({ $0.hasShape(of: $1) }),
        let part = other.parts.first, let first = unit.parts.first,
        sample.agrees(with: samples[place], first.rounding(to: part)),
        try isSame(unit, other)
      else { continue }
      return relation(unit.name, other.name)
    }
    return nil
  }

  private func isSame(_ left: DeltaUnit, _ right: DeltaUnit) throws(CheckpointError) -> Bool {
    let delta = try UnitDelta(left, right)
    return delta.verdict == .equal || delta.verdict == .rounded
  }

  /// The slip by which a module has the update of another one.
  private func relation(_ name: String, _ other: String) -> DeltaSlip {
    let (path, otherPath) = (name.components, other.components)
    guard path.count == otherPath.count,
      let place = path.indices.first(where: { Int(path[$0]) != nil }),
      let layer = Int(path[place]), let otherLayer = Int(otherPath[place]), layer != otherLayer,
      path.indices.allSatisfy({ $0 == place || path[$0] == otherPath[$0] })
    else { return .otherModule(other) }
    return .otherLayer(otherLayer.subtractingReportingOverflow(layer).partialValue)
  }
}

/// A few elements of an update, which tell it from most others.
private struct Sample {
  private let a: ScaledFactor
  private let b: ScaledFactor

  /// The number of elements of each factor.
  private static let count = 16

  /// Reads the first elements; nil where those of B are all zero.
  init?(_ unit: DeltaUnit) throws(CheckpointError) {
    guard let part = unit.parts.first, let views = part.views else { return nil }
    let rank = min(1, part.rank)
    func first(_ view: FactorView) throws(CheckpointError) -> FactorMatrix {
      let count = min(Self.count, view.sizes[1])
      return try FactorMatrix(view.subrange(axis: 0, 0..<rank).subrange(axis: 1, 0..<count))
    }
    a = ScaledFactor(matrix: try first(views.a), scale: 1)
    b = ScaledFactor(matrix: try first(views.b), scale: part.scale)
    guard b.matrix.hasContent.contains(true) else { return nil }
  }

  func agrees(
    with other: Sample?, _ rounding: (a: FactorRounding, b: FactorRounding)
  ) -> Bool {
    guard let other else { return false }
    return rounding.a.agreement(a, other.a) != .none && rounding.b.agreement(b, other.b) != .none
  }
}
