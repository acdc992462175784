// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension ModuleDelta {
  /// Compares two updates.
  ///
  /// - Throws: what reading throws.
  init(_ left: DeltaUnit, _ right: DeltaUnit) throws(CheckpointError) {
    guard left.parts.count == right.parts.count,
      zip(left.parts, right.parts).allSatisfy({ $0.hasShape(of: $1) })
    else {
      self.init(left.name, .otherShape)
      return
    }
    let delta = try UnitDelta(left, right)
    self.init(
      left.name, delta.verdict, distance: delta.distance, bound: delta.bound, norms: delta.norms,
      slip: delta.slip)
  }
}
