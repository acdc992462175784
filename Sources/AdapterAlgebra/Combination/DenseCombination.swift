// SPDX-License-Identifier: Apache-2.0
internal import Kernels

/// Combines updates element by element, so that they are computed in full, some rows at a time
/// (spec/adapter-algebra.md, AL37).
struct DenseCombination {
  private let updates: LoadedUpdates
  private let pruning: CombinationKind.Pruning
  private let options: CombinationOptions
  /// The stream of random numbers of each update.
  private let streams: [Int]
  /// The factors A, padded to the width of vectors.
  private let rights: [[Double]]
  private let width: Int

  /// The elements that are computed at a time.
  private static let blockElementCount = 1 << 20

  init(
    _ updates: LoadedUpdates, _ options: CombinationOptions, _ pruning: CombinationKind.Pruning,
    streams: [Int]
  ) {
    self.updates = updates
    self.options = options
    self.pruning = pruning
    self.streams = streams
    let (inputs, width) = (updates.inputs, (updates.inputs + 7) / 8 * 8)
    self.width = width
    rights = zip(updates.a, updates.ranks).map { a, rank in
      var padded = [Double](repeating: 0, count: rank * width)
      for row in 0..<rank {
        for column in 0..<inputs { padded[row * width + column] = a[row * inputs + column] }
      }
      return padded
    }
  }

  /// The combined update. Next to it, only some rows of each update are in memory.
  ///
  /// - Complexity: O(outputs · inputs · rank) for each update, three times where the smallest elements
  ///   are pruned.
  func combined() -> DenseMatrix {
    let density = options.density ?? 1
    let elementCount = updates.outputs * updates.inputs
    var thresholds: [MagnitudePruning] = []
    if pruning == .magnitude, density < 1 {
      for index in updates.a.indices {
        var threshold = MagnitudeThreshold(keeping: Int(density * Double(elementCount)))
        forEachBlock { threshold.add(rows($0, of: index)) }
        threshold.beginSecondPass()
        forEachBlock { threshold.add(rows($0, of: index)) }
        thresholds.append(threshold.result)
      }
    }
    var draws = streams.map {
      RandomPruning(density: density, seed: options.seed, stream: UInt64($0))
    }
    let merge = ElementMerge(
      weights: updates.weights,
      majoritySign: options.kind.electsSigns ? options.majoritySign : nil)
    var values: [Float] = []
    values.reserveCapacity(elementCount)
    forEachBlock { range in
      let tensors = updates.a.indices.map { index in
        var block = rows(range, of: index)
        if pruning == .random {
          draws[index].prune(&block)
        } else if !thresholds.isEmpty {
          thresholds[index].prune(&block)
        }
        return block
      }
      values += merge(tensors, 0..<range.count * updates.inputs).map { Float($0) }
    }
    return DenseMatrix(rowCount: updates.outputs, width: updates.inputs, values: values)
  }

  private func forEachBlock(_ body: (Range<Int>) -> Void) {
    let count = max(1, Self.blockElementCount / max(1, width))
    for start in stride(from: 0, to: updates.outputs, by: count) {
      body(start..<min(start + count, updates.outputs))
    }
  }

  /// Some rows of an update, rounded to F32.
  private func rows(_ range: Range<Int>, of index: Int) -> [Double] {
    let rank = updates.ranks[index]
    let scale = updates.scales[index]
    let block = updates.b[index][range.lowerBound * rank..<range.upperBound * rank]
    var product = ThinProduct(rowCount: range.count, width: width)
    product.add(Array(block), to: 0..<range.count, depth: rank, times: rights[index])
    var values: [Double] = []
    values.reserveCapacity(range.count * updates.inputs)
    for row in 0..<range.count {
      for column in 0..<updates.inputs {
        values.append(Double(Float(product.values[row * width + column] * scale)))
      }
    }
    return values
  }
}
