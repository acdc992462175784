// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import PEFT
internal import Tensors

extension DeltaComparison {
  /// Compares what is not an update by its values: magnitudes, biases and other tensors
  /// (spec/deltas.md, DC7).
  ///
  /// - Throws: what reading throws.
  static func values(
    _ pairs: [(left: DeltaUnit, right: DeltaUnit)], _ lefts: [LowRankAdapter.OtherTensor],
    _ rights: [LowRankAdapter.OtherTensor]
  ) throws(CheckpointError) -> [ModuleDelta] {
    var deltas: [ModuleDelta] = []
    for (first, second) in pairs {
      guard let l = first.module, let r = second.module else { continue }
      deltas += try compare(
        first.name, .magnitude, l.magnitude.map { ($0, 1) }, r.magnitude.map { ($0, 1) })
      deltas += try compare(
        first.name, .bias, l.bias.map { ($0, l.scale.scale) }, r.bias.map { ($0, r.scale.scale) })
    }
    var others: [TensorName: LowRankAdapter.OtherTensor] = [:]
    for tensor in rights { others[TensorName(tensor.name)] = tensor }
    for tensor in lefts {
      let other = others.removeValue(forKey: TensorName(tensor.name))
      guard tensor.kind != .wholeEmbedding || other != nil else { continue }
      if case .trainedTokens = tensor.kind, let other, tensor.kind != other.kind {
        deltas.append(ModuleDelta(tensor.name, .different, subject: .tensor))
        continue
      }
      deltas += try compare(tensor.name, .tensor, (tensor.view, 1), other.map { ($0.view, 1) })
    }
    for tensor in rights where tensor.kind != .wholeEmbedding {
      guard others[TensorName(tensor.name)] != nil else { continue }
      deltas += try compare(tensor.name, .tensor, nil, (tensor.view, 1))
    }
    return deltas
  }

  private typealias Values = (view: FactorView, scale: Double)

  /// The comparison of two tensors; empty where neither side has one.
  private static func compare(
    _ name: String, _ subject: ModuleDelta.Subject, _ left: Values?, _ right: Values?
  ) throws(CheckpointError) -> [ModuleDelta] {
    guard let left, let right else {
      if left == nil, right == nil { return [] }
      return [ModuleDelta(name, left == nil ? .onlySecond : .onlyFirst, subject: subject)]
    }
    guard left.view.sizes == right.view.sizes else {
      return [ModuleDelta(name, .otherShape, subject: subject)]
    }
    var sums = (difference: ScaledSquares(), left: ScaledSquares(), right: ScaledSquares())
    var isFinite = true
    let rows = left.view.sizes.first ?? 1
    let step = max(1, (1 << 20) / max(1, left.view.elementCount / max(1, rows)))
    var row = 0
    while row < rows {
      let range = row..<min(row + step, rows)
      let (first, second) = (try left.view.values(range), try right.view.values(range))
      for (x, y) in zip(first, second) {
        let (x, y) = (x * left.scale, y * right.scale)
        if !x.isFinite || !y.isFinite {
          isFinite = isFinite && x.bitPattern == y.bitPattern
          continue
        }
        sums.difference.add(x - y)
        sums.left.add(x)
        sums.right.add(y)
      }
      row = range.upperBound
    }
    guard isFinite else { return [ModuleDelta(name, .notComparable, subject: subject)] }
    let larger = max(sums.left.norm, sums.right.norm)
    let distance = larger > 0 ? sums.difference.norm / larger : 0
    let rounding = FactorRounding(left.view.dtype, right.view.dtype)
    let floor =
      rounding.floor * max(left.scale.magnitude, right.scale.magnitude)
      * Double(left.view.elementCount).squareRoot()
    let bound = larger > 0 ? rounding.relative + floor / larger : 0
    let verdict: ModuleDelta.Verdict =
      distance == 0 ? .equal : distance <= bound ? .withinBound : .different
    return [
      ModuleDelta(
        name, verdict, subject: subject, distance: distance, bound: bound,
        norms: (sums.left.norm, sums.right.norm))
    ]
  }
}

extension FactorView {
  /// The elements of a range of the first dimension, in row-major order; of a scalar, its own.
  fileprivate func values(_ range: Range<Int>) throws(CheckpointError) -> [Double] {
    sizes.isEmpty
      ? try values(in: .float64) : try subrange(axis: 0, range).values(in: .float64)
  }
}
