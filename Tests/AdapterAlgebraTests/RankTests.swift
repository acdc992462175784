// SPDX-License-Identifier: Apache-2.0
import Archives
import Bridges
import Files
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@testable import AdapterAlgebra

@Suite("Lower ranks (AL10 to AL15)")
struct RankTests {
  @Test("the lowest rank that keeps a share of the squares")
  func energy() {
    let spectrum = Spectrum([[4, 2, 1]])
    // Squares 16, 4 and 1 of 21.
    #expect(abs(spectrum.norm - 21.0.squareRoot()) < 1e-15)
    #expect(abs(spectrum.error(atRank: 1) - (5.0 / 21).squareRoot()) < 1e-15)
    #expect(spectrum.error(atRank: 3) == 0)
    #expect([0.5, 0.77, 0.96, 1].map { spectrum.rank(keeping: $0) } == [1, 2, 3, 3])
    // Experts share one rank, and the squares of all count.
    let experts = Spectrum([[3], [3, 1]])
    #expect(experts.rank(keeping: 0.9) == 1 && experts.rank(keeping: 0.99) == 2)
    #expect(Spectrum([[]]).rank(keeping: 1) == 1 && Spectrum([[]]).norm == 0)
  }

  @Test("targets")
  func targets() {
    let spectrum = Spectrum([[4, 2, 1, 0.5]])
    #expect(RankTarget.rank(2).rank(for: 8, spectrum) == 2)
    #expect(RankTarget.rank(16).rank(for: 8, spectrum) == 8)
    #expect(RankTarget.listed([16, 2, 4], energy: 0.98).rank(for: 8, spectrum) == 4)
    #expect(RankTarget.listed([1, 2], energy: 0.98).rank(for: 8, spectrum) == 8)
    for target: RankTarget in [.rank(0), .energy(0), .energy(1.5), .listed([], energy: 1)] {
      #expect(throws: CheckpointError.self) { try target.check() }
    }
  }

  @Test(
    "an update keeps its scale, and loses the tail of its singular values",
    arguments: ["lora", "lora-embedding", "lora-dora"])
  func tail(name: String) throws {
    let source = try OutputTests.open(Fixtures.adapter(name))
    let reduction = try RankReduction(of: source, to: .rank(1))
    for (old, new) in zip(source.modules, reduction.result.adapter.modules) {
      #expect(new.scale.scale == old.scale.scale && new.scale.rank == 1)
      let (before, after) = (try old.matrices()[0], try new.matrices()[0])
      let values = try before.decomposed().values
      let report = try #require(reduction.modules.first { $0.name == old.name })
      // The distance, element by element.
      let (full, low) = (try Self.product(before), try Self.product(after))
      let distance = zip(full, low).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
      let norm = full.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(distance / norm - report.error) < 1e-6, "\(old.name)")
      #expect(abs(norm * old.scale.scale.magnitude - report.norm) < 1e-12 * max(1, norm))
      #expect(values.count == old.scale.rank)
    }
    #expect(reduction.notes.isEmpty == (name != "lora-dora"))
    let directory = try TemporaryDirectory()
    try reduction.result.write(to: directory.path("out"))
    let findings = try Adapter(path: directory.path("out")).findings()
    #expect(!findings.contains { $0.severity != .note }, "\(findings)")
  }

  @Test("a rank that is not lower keeps every bit")
  func same() throws {
    let source = try OutputTests.open(Fixtures.adapter("lora"))
    let reduction = try RankReduction(of: source, to: .rank(1000))
    #expect(reduction.error == 0)
    for (old, new) in zip(source.modules, reduction.result.adapter.modules) {
      #expect(new.a.archive === old.a.archive && new.scale == old.scale)
    }
  }

  /// B · A, row-major.
  static func product(_ matrices: FactorMatrices) throws -> [Double] {
    let (a, b) = (
      try matrices.a.values(in: .float64), try matrices.b.values(in: .float64)
    )
    let (rank, width) = (matrices.a.sizes[0], matrices.a.sizes[1])
    return (0..<matrices.b.sizes[0]).flatMap { row in
      (0..<width).map { column in
        (0..<rank).reduce(0.0) { $0 + b[row * rank + $1] * a[$1 * width + column] }
      }
    }
  }
}
