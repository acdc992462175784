// SPDX-License-Identifier: Apache-2.0
import Bridges
import Files
import JSONDocument
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@testable import AdapterAlgebra

@Suite("Merging of elements (AL34 to AL36)")
struct ElementTests {
  @Test("magnitudes: the largest are kept, the first of equal ones, and the share is rounded down")
  func magnitudes() {
    var values = [0.5, -3, 2, 0, -0.25, 2, 1e-40, -1e-41]
    MagnitudePruning.prune(&values, density: 0.5)
    let largest: [Double] = [0.5, -3, 2, 0, 0, 2, 0, 0]
    #expect(values == largest)
    var equal: [Double] = [1, -1, 1, 1]
    MagnitudePruning.prune(&equal, density: 0.74)
    let firstOnes: [Double] = [1, -1, 0, 0]
    #expect(equal == firstOnes)
    var none: [Double] = [1, 2]
    MagnitudePruning.prune(&none, density: 0.4)
    #expect(none.allSatisfy { $0 == 0 })
    var all: [Double] = [1, 2]
    MagnitudePruning.prune(&all, density: 1)
    let unchanged: [Double] = [1, 2]
    #expect(all == unchanged)
  }

  @Test("magnitudes given in parts are pruned as at once")
  func parts() {
    var generator = SeededNormalGenerator(seed: 3)
    let values = (0..<5000).map { _ in Double(Float(generator.next())) }
    var whole = values
    MagnitudePruning.prune(&whole, density: 0.3)
    #expect(whole.count { $0 != 0 } == 1500)
    var threshold = MagnitudeThreshold(keeping: 1500)
    for start in stride(from: 0, to: 5000, by: 700) {
      threshold.add(Array(values[start..<min(start + 700, 5000)]))
    }
    threshold.beginSecondPass()
    for start in stride(from: 0, to: 5000, by: 900) {
      threshold.add(Array(values[start..<min(start + 900, 5000)]))
    }
    var pruning = threshold.result
    var parts: [Double] = []
    for start in stride(from: 0, to: 5000, by: 500) {
      var part = Array(values[start..<start + 500])
      pruning.prune(&part)
      parts += part
    }
    #expect(parts == whole)
  }

  @Test("random pruning keeps a share, and divides by it; a stream is the same again")
  func random() {
    let ones = [Double](repeating: 1, count: 40_000)
    func pruned(_ seed: UInt64, _ stream: UInt64) -> [Double] {
      var values = ones
      var pruning = RandomPruning(density: 0.25, seed: seed, stream: stream)
      pruning.prune(&values)
      return values
    }
    let values = pruned(1, 0)
    #expect(values.allSatisfy { $0 == 0 || $0 == 4 })
    // Five standard deviations.
    let kept = Double(values.count { $0 != 0 })
    let deviation: Double = (40_000 * 0.25 * 0.75).squareRoot()
    let distance: Double = abs(kept - 10_000)
    #expect(distance < 5 * deviation)
    #expect(values == pruned(1, 0))
    #expect(values != pruned(1, 1))
    #expect(values != pruned(2, 0))
  }

  @Test("sums and elected signs")
  func merging() {
    let tensors: [[Double]] = [[3, -3, 1, 0, 2], [-1, 1, 1, 0, -2], [-1, -1, 0, 0, 0]]
    let weights = [0.5, 2, -1]
    let all = 0..<5
    let sums = ElementMerge(weights: weights, majoritySign: nil)(tensors, all)
    let expectedSums: [Double] = [0.5, 1.5, 2.5, 0, -3]
    #expect(sums == expectedSums)
    // The sum decides: 1, -3, 2, 0, 0.
    let total = ElementMerge(weights: weights, majoritySign: .total)(tensors, all)
    let expectedTotal: [Double] = [1.5, -0.25, 1.25, 0, 1]
    #expect(total == expectedTotal)
    // The number decides: two are negative, two are negative, two are positive, none, one each.
    let frequency = ElementMerge(weights: weights, majoritySign: .frequency)(tensors, all)
    let expectedFrequency: [Double] = [-0.5, -0.25, 1.25, 0, 1]
    #expect(frequency == expectedFrequency)
  }

  @Test("a large matrix is cut to the rank that it has", arguments: [(300, 280), (260, 420)])
  func truncation(rowCount: Int, width: Int) {
    let rank = 5
    var generator = SeededNormalGenerator(seed: 9)
    let left = (0..<rowCount * rank).map { _ in generator.next() }
    let right = (0..<rank * width).map { _ in generator.next() }
    var values: [Float] = []
    for row in 0..<rowCount {
      for column in 0..<width {
        values.append(
          Float((0..<rank).reduce(0.0) { $0 + left[row * rank + $1] * right[$1 * width + column] }))
      }
    }
    let matrix = DenseMatrix(rowCount: rowCount, width: width, values: values)
    let (b, a) = matrix.truncated(rank: rank, seed: 0)
    var largest = 0.0
    for row in 0..<rowCount {
      for column in 0..<width {
        let product = (0..<rank).reduce(0.0) { $0 + b[row * rank + $1] * a[$1 * width + column] }
        largest = max(largest, abs(product - Double(values[row * width + column])))
      }
    }
    #expect(largest < 1e-5)
  }
}

@Suite("Combinations of adapters (AL30 to AL48)")
struct CombinationTests {
  static func open(_ name: String) throws -> LowRankAdapter {
    try AdapterHomes.open(BridgeSource(path: Fixtures.adapter(name))).adapter
  }

  /// s · B · A of a module, row-major.
  static func update(_ module: LowRankModule) throws -> [Double] {
    let (rank, out) = (module.a.sizes[0], module.b.sizes[0])
    let (a, b) = (try module.a.values(in: .float64), try module.b.values(in: .float64))
    let width = a.count / rank
    return (0..<out * width).map { place in
      (0..<rank).reduce(0.0) {
        $0 + b[place / width * rank + $1] * a[$1 * width + place % width]
      } * module.scale.scale
    }
  }

  static func largestDifference(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  @Test(
    "every kind of an adapter with itself, written and read", arguments: CombinationKind.allCases)
  func kinds(kind: CombinationKind) throws {
    let source = try Self.open("lora")
    let adapters = [
      WeightedAdapter(source, weight: 0.75), WeightedAdapter(source, weight: 0.5),
    ]
    let options = CombinationOptions(kind: kind, density: kind.prunes ? 1 : nil)
    let combination = try Combination(of: adapters, options)
    let directory = try TemporaryDirectory()
    try combination.result.write(to: directory.path("out"))
    let result = try AdapterHomes.open(BridgeSource(path: directory.path("out"))).adapter
    #expect(result.modules.count == source.modules.count)
    // Of equal factors, sums are exact, but for the roots: (√w₁ + √w₂)². Signs take the mean.
    let roots = (0.75 as Double).squareRoot() + (0.5 as Double).squareRoot()
    let product: Double = roots * roots
    let factor: Double
    if kind.electsSigns {
      factor = kind.cutsRank ? 0.625 : product / 4
    } else {
      factor = kind.mergesFactors ? product : 1.25
    }
    let largest = source.modules.map(\.scale.rank).max()
    for module in source.modules {
      let twin = try #require(result.modules.first { $0.name == module.name })
      let (old, new) = (try Self.update(module), try Self.update(twin))
      let peak = old.map(\.magnitude).max() ?? 0
      let difference = Self.largestDifference(old.map { $0 * factor }, new)
      let tolerance: Double = 1e-6 * max(peak, 1e-3)
      #expect(difference < tolerance)
      let rank: Int = kind == .cat ? 2 * module.scale.rank : module.scale.rank
      #expect(twin.scale.rank == (kind.cutsRank ? largest : rank))
    }
    let findings = try Adapter(path: directory.path("out")).findings()
    #expect(!findings.contains { $0.severity != .note }, "\(findings)")
    let change = Combination.change(of: try combination.modules())
    let expectedChange: Double = abs(factor - 1.25) / 1.25
    let found = try #require(change)
    let changeError: Double = abs(found - expectedChange)
    #expect(changeError < 1e-6)
  }

  @Test("options that do not fit each other, and weights that are not numbers")
  func options() throws {
    let source = try Self.open("lora")
    for options in [
      CombinationOptions(kind: .ties), CombinationOptions(kind: .cat, density: 0.5),
      CombinationOptions(kind: .ties, density: 0), CombinationOptions(kind: .ties, density: 1.5),
      CombinationOptions(kind: .ties, density: .nan), CombinationOptions(kind: .cat, rank: 2),
      CombinationOptions(kind: .svd, rank: 0),
    ] {
      let error = #expect(throws: CheckpointError.self) {
        try Combination(of: [WeightedAdapter(source, weight: 1)], options)
      }
      #expect(error?.code == .invalidArgument, "\(options)")
    }
    for adapters in [[], [WeightedAdapter(source, weight: .infinity)]] {
      let error = #expect(throws: CheckpointError.self) {
        try Combination(of: adapters, CombinationOptions())
      }
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test("what PEFT does not combine is refused", arguments: ["lora-dora", "ia3", "loha"])
  func refusals(name: String) throws {
    let error = #expect(throws: CheckpointError.self) {
      let source = try Self.open(name)
      _ = try Combination(of: [WeightedAdapter(source, weight: 1)], CombinationOptions())
    }
    #expect(
      error?.code == .unsupported || error?.code == .unrecognized, "\(String(describing: error))")
  }

  @Test("an adapter minus itself is zero at twice the rank, and keeps its scale and dtype")
  func subtraction() throws {
    let source = try Self.open("lora")
    let subtraction = try InitialSubtraction(of: source, from: source)
    for (module, old) in zip(subtraction.result.adapter.modules, source.modules) {
      #expect(module.scale.rank == 2 * old.scale.rank)
      #expect(module.scale.scale == old.scale.scale)
      #expect(module.a.dtype == old.a.dtype)
      let peak = try Self.update(module).map(\.magnitude).max() ?? 1
      #expect(peak < 1e-12)
    }
    let other = try Self.open("lora-embedding")
    let error = #expect(throws: CheckpointError.self) {
      try InitialSubtraction(of: other, from: source)
    }
    #expect(error?.code == .mismatch)
  }
}
