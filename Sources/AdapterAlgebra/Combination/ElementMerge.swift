// SPDX-License-Identifier: Apache-2.0

/// Merges elements of several adapters into one, after pruning (spec/adapter-algebra.md, AL36).
struct ElementMerge: Sendable {
  /// The weight of each adapter.
  let weights: [Double]
  /// How the sign of the majority is found; nil if all elements count.
  let majoritySign: MajoritySign?

  /// Merges the elements at the same places of tensors of one size.
  ///
  /// Without signs it is the weighted sum. With signs it is the mean of the weighted elements that
  /// have the majority's sign; zeros have no sign, and a majority of zero is positive.
  ///
  /// - Parameter tensors: one for each weight, of which the elements in `range` are merged.
  /// - Complexity: O(elements).
  func callAsFunction(_ tensors: [[Double]], _ range: Range<Int>) -> [Double] {
    range.map { place in
      guard let majoritySign else {
        var sum = 0.0
        for (tensor, weight) in zip(tensors, weights) { sum += tensor[place] * weight }
        return sum
      }
      var majority = 0.0
      for tensor in tensors {
        let value = tensor[place]
        majority += majoritySign == .total ? value : value > 0 ? 1 : value < 0 ? -1 : 0
      }
      let isPositive = majority >= 0
      var (sum, count) = (0.0, 0.0)
      for (tensor, weight) in zip(tensors, weights) {
        let value = tensor[place]
        guard isPositive ? value > 0 : value < 0 else { continue }
        sum += value * weight
        count += 1
      }
      return sum / max(1, count)
    }
  }
}
