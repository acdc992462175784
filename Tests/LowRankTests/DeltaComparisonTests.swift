// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Comparison of deltas (DC1 to DC7)")
struct DeltaComparisonTests {
  /// The factors of a module: A [rank, inputs] and B [outputs, rank].
  struct Factors {
    var name = "layers.0.q_proj"
    var a: [Float]
    var b: [Float]
    var rank = 2
    var scale = 1.0
  }

  private static let plain = Factors(
    a: [1, 2, 3, 4, 5, 6, 7, -8], b: [1, 0, 0, 2, 3, 1, -1, 2])

  private static func adapter(_ modules: [Factors]) throws -> LowRankAdapter {
    let directory = try TemporaryDirectory()
    let file = RawSafeTensors(
      modules.flatMap { module in
        let rank = UInt64(module.rank)
        return [
          RawSafeTensors.Tensor(
            module.name + ".A", [rank, UInt64(module.a.count) / rank], floats: module.a),
          RawSafeTensors.Tensor(
            module.name + ".B", [UInt64(module.b.count) / rank, rank], floats: module.b),
        ]
      })
    let archive = try Checkpoint.open(path: directory.write(file.encoded(), to: "x.safetensors"))
    return LowRankAdapter(
      path: "x",
      modules: try modules.map { module in
        LowRankModule(
          name: module.name, kind: .linear,
          a: try FactorView(
            archive, at: #require(archive.index(of: TensorName(module.name + ".A")))),
          b: try FactorView(
            archive, at: #require(archive.index(of: TensorName(module.name + ".B")))),
          scale: LoRAScale(rank: module.rank, alpha: 1, scale: module.scale))
      })
  }

  private static func compare(_ left: [Factors], _ right: [Factors]) throws -> [ModuleDelta] {
    try DeltaComparison(adapter(left), adapter(right)).modules
  }

  @Test("a fold and a pad are equal, with other bytes too")
  func equal() throws {
    var other = Self.plain
    #expect(try Self.compare([Self.plain], [other])[0].verdict == .equal)
    other.b = other.b.map { $0 * 4 }
    other.scale = 0.25
    #expect(try Self.compare([Self.plain], [other])[0].verdict == .equal)
    let padded = Factors(
      a: Self.plain.a + [9, 9, 9, 9], b: [1, 0, 0, 0, 2, 0, 3, 1, 0, -1, 2, 0], rank: 3)
    #expect(try Self.compare([Self.plain], [padded])[0].verdict == .equal)
    #expect(try Self.compare([padded], [Self.plain])[0].distance == 0)
  }

  @Test("the distance is that of the products, and rounding is told from differences")
  func distance() throws {
    // The factors of the same product in another basis: A with its rows exchanged and one of them halved.
    let mixed = Factors(
      a: [5, 6, 7, -8, 0.5, 1, 1.5, 2], b: [0, 2, 2, 0, 1, 6, 2, -2])
    let same = try Self.compare([Self.plain], [mixed])[0]
    #expect(same.verdict == .withinBound)
    #expect(try #require(same.distance) < 1e-15)
    var other = Self.plain
    other.a[0] += 1
    let delta = try Self.compare([Self.plain], [other])[0]
    #expect(delta.verdict == .different && delta.slip == nil)
    // The difference is the first column of B, of the length √11, in one column.
    let norm = try #require(delta.firstNorm), larger = max(norm, try #require(delta.secondNorm))
    #expect(abs(try #require(delta.distance) * larger - 11.0.squareRoot()) < 1e-12)
  }

  @Test("slips are named")
  func slips() throws {
    var other = Self.plain
    other.scale = 2
    #expect(try Self.compare([Self.plain], [other])[0].slip == .scale(2, .rank))
    other.scale = -1.5
    #expect(try Self.compare([Self.plain], [other])[0].slip == .scale(-1.5, .constant))
    other = Self.plain
    other.b = [1, 0, 3, -1, 0, 2, 1, 2]
    #expect(try Self.compare([Self.plain], [other])[0].slip == .transposed(.b))
    other = Self.plain
    other.b = [3, 1, -1, 2, 1, 0, 0, 2]
    #expect(try Self.compare([Self.plain], [other])[0].slip == .exchangedHalves)
    other = Self.plain
    other.name = "layers.1.q_proj"
    let shifted = try Self.compare([Self.plain], [other])
    #expect(shifted.map(\.verdict) == [.onlyFirst, .onlySecond])
    #expect(shifted[0].slip == .otherLayer(1))
  }

  @Test("factors that are not finite, of another size, or missing are differences")
  func others() throws {
    var other = Self.plain
    other.b[3] = .nan
    #expect(try Self.compare([Self.plain], [other])[0].verdict == .notComparable)
    #expect(try Self.compare([other], [other])[0].verdict == .equal)
    other = Self.plain
    other.a.removeLast(4)
    other.b.removeLast(2)
    #expect(try Self.compare([Self.plain], [other])[0].verdict == .otherShape)
    #expect(try Self.compare([Self.plain], []).map(\.verdict) == [.onlyFirst])
    #expect(try Self.compare([], []).isEmpty)
  }
}
