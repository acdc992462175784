// SPDX-License-Identifier: Apache-2.0
import Kernels
import TestSupport
import Testing

@Suite struct BoundTests {
  /// Two terms of 1 and an embedding of 1: p = a = 2, and the bound is just above 3·2^-23 in F32,
  /// 2^-6 + 2^-15 in BF16, 2^-9 + 2^-21 in F16 and 3·2^-52 in F64.
  @Test(
    arguments: [
      (.float32, 2 + 0x1p-22, true), (.float32, 2 + 0x1p-21, false),
      (.float32, 2 - 3 * 0x1p-23, true), (.float32, 2 - 4 * 0x1p-23, false),
      (.bfloat16, 2 + 0x1p-6, true), (.bfloat16, 2 + 0x1p-5, false),
      (.bfloat16, 2 - 0x1p-6, true), (.bfloat16, 2 - 3 * 0x1p-7, false),
      (.float16, 2 + 0x1p-9, true), (.float16, 2 + 0x1p-8, false),
      (.float16, 2 - 0x1p-9, true), (.float16, 2 - 3 * 0x1p-10, false),
      (.float64, 2 + 0x1p-51, true), (.float64, 2 + 0x1p-50, false),
      (.float64, 2 - 3 * 0x1p-52, true), (.float64, 2 - 4 * 0x1p-52, false),
      (.float32, .infinity, false), (.float32, .nan, false), (.float32, 0, false),
      (.bfloat16, 0, false),
    ] as [(FloatFormat, Double, Bool)])
  func acceptsUpToTheBound(format: FloatFormat, output: Double, isAccepted: Bool) throws {
    let problem = Problem(format, columns: [1, 1], rows: [[1], [1]], embedding: [1])
    let report = try problem.verify(values: [output])
    #expect(report.holds == isAccepted, "\(report)")
    #expect(((report.largestShare ?? 0) <= 1) == isAccepted)
    #expect(report.ownOffenderCount == 0 && report.largestOwnShare == 0)
    #expect(report.offenderCount == report.firstOffenders.count)
  }

  @Test func rankOneMustBeEqual() throws {
    for format in FloatFormat.allCases {
      let problem = Problem(format, columns: [3], rows: [[1, 1, 1]], embedding: [1, -0.0, 1])
      #expect(try problem.verify(values: [3, 0, 3]).holds)
      let next = format.value(ofBits: format.bits(rounding: 3) + 1)
      let report = try problem.verify(values: [3, 0, next])
      #expect(report.offenderCount == 1)
      #expect(report.equalCount == 2)
      #expect(report.largestDistance == 1)
      #expect(report.largestShare == nil)
      let offender = report.firstOffenders.first
      #expect(offender == report.largestDistanceElement)
      #expect(offender?.index == 2 && offender?.reference == next && offender?.computed == 3)
    }
  }

  /// Moves single elements of PEFT's output to either side of the bound, here computed in F64.
  @Test func theBoundIsWhereItIsOnPEFTsOutputs() throws {
    for vector in try Vectors.forwards() where vector.isFresh && vector.problem.rank > 1 {
      let problem = vector.problem, format = problem.format
      guard format != .float64 else { continue }
      let D = problem.width
      for element in stride(from: 0, to: vector.output.count / format.byteCount, by: 19) {
        let (row, d) = (element / D, element % D)
        let task = problem.taskIDs[problem.taskIDs.count == 1 ? 0 : row / problem.length]
        let e = format.value(of: problem.indices[row] * D + d, in: problem.embeddings.span.bytes)
        var p = 0.0, a = 0.0
        for r in 0..<problem.rank {
          let place = (task * problem.positions + row % problem.length) * problem.rank + r
          let term =
            format.value(of: place, in: problem.columns.span.bytes)
            * format.value(of: (task * problem.rank + r) * D + d, in: problem.rows.span.bytes)
          p += term
          a += abs(term)
        }
        let u = format == .float32 ? 0x1p-24 : format == .bfloat16 ? 0x1p-8 : 0x1p-11
        let eta = format == .float32 ? 0x1p-149 : format == .bfloat16 ? 0x1p-133 : 0x1p-24
        let g = Double(problem.rank) * 0x1p-24
        var delta = g * a + Double(problem.rank) * 0x1p-150
        if format != .float32 { delta += u * (abs(p) + g * a) + eta / 2 }
        let bound = abs(e) * delta + u * abs(e) * (abs(p) + delta) + eta / 2

        for sign in [1.0, -1.0] {
          var inside = format.bits(rounding: e * p + sign * bound)
          while abs(format.value(ofBits: inside) - e * p) > bound {
            inside = format.toward(e * p, inside)
          }
          var outside = format.bits(rounding: e * p + sign * bound)
          while abs(format.value(ofBits: outside) - e * p) <= bound {
            outside = format.away(from: e * p, outside)
          }
          #expect(try problem.verify(vector.replacing(element, with: inside)).holds)
          let report = try problem.verify(vector.replacing(element, with: outside))
          #expect(report.offenderCount == 1)
          #expect(report.firstOffenders.first?.index == element)
        }
      }
    }
  }

  @Test func ourOwnOutputAlwaysHolds() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      let problem = Problem(using: &generator)
      let output = try problem.output()
      let report = try problem.verify(output)
      #expect(report.holds, "\(problem) seed \(seed): \(report)")
      #expect(report.equalCount == report.elementCount && report.notComparableCount == 0)
    }
  }

  /// The quick bound of each instruction set against exact arithmetic, on outputs that are off.
  ///
  /// The seed is fixed: an output that uses all of its bound to the last digits may be judged either way.
  @Test func everyInstructionSetJudgesAlike() throws {
    let seed: UInt64 = 7
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<100 {
      let problem = Problem(using: &generator)
      var output = try problem.output()
      for index in stride(from: 0, to: output.count, by: problem.format.byteCount) {
        output[index] ^= UInt8.random(in: 0...7, using: &generator)
      }
      let exact = try problem.verify(output, .reference)
      for implementation in vectorImplementations {
        let report = try problem.verify(output, implementation)
        #expect(report.agrees(with: exact), "\(problem) \(implementation) seed \(seed)")
      }
    }
  }

  @Test func anInfiniteOrNaNFactorIsNotComparable() throws {
    for rank in [1, 2] {
      let problem = Problem(
        .float32, columns: [Double](repeating: 1, count: rank),
        rows: [[Double]](repeating: [.infinity, .nan, 1], count: rank), embedding: [1, 1, 1])
      let r = Double(rank)
      #expect(try problem.verify(values: [.infinity, .nan, r]).notComparableCount == 0)
      let report = try problem.verify(values: [5, 6, r])
      #expect(report.notComparableCount == 2 && report.holds)
      #expect(report.largestDistance == 0)
      #expect(try !problem.verify(values: [5, 6, 7]).holds)
    }
  }

  @Test func factorsOfEveryF64SizeAreJudged() throws {
    // p = 2 though each factor alone would overflow or vanish in a product with itself.
    let problem = Problem(
      .float64, columns: [0x1p1000, 0x1p-1000], rows: [[0x1p-1000], [0x1p1000]], embedding: [1])
    #expect(try problem.verify(values: [2 + 0x1p-51]).holds)
    #expect(try !problem.verify(values: [2 + 0x1p-50]).holds)
    // p is far below the smallest subnormal: it may be lost, whatever it is multiplied by.
    let small = Problem(
      .float64, columns: [1e-200, 1e-200], rows: [[1e-200], [1e-200]], embedding: [1e300])
    #expect(try small.verify(values: [0.0]).holds)
    #expect(try !small.verify(values: [1e-10]).holds)
  }
}

extension FloatFormat {
  /// The neighbour of a number on the side of `target`.
  fileprivate func toward(_ target: Double, _ bits: UInt64) -> UInt64 {
    step(bits, up: value(ofBits: bits) < target)
  }

  fileprivate func away(from target: Double, _ bits: UInt64) -> UInt64 {
    step(bits, up: value(ofBits: bits) >= target)
  }

  private func step(_ bits: UInt64, up: Bool) -> UInt64 {
    let sign = UInt64(1) << (8 * byteCount - 1)
    let ordinal = ordinal(ofBits: bits) + (up ? 1 : -1)
    return ordinal < 0 ? sign | ordinal.magnitude : UInt64(ordinal)
  }
}

extension NumericReport {
  /// Whether two reports say the same, but for the last digits of the largest shares.
  fileprivate func agrees(with other: Self) -> Bool {
    func alike(_ left: Double?, _ right: Double?) -> Bool {
      guard let left, let right else { return left == nil && right == nil }
      return left == right || abs(left - right) <= 1e-6 * left
    }
    // As text, in which NaN is NaN.
    func alike(_ left: [Element?], _ right: [Element?]) -> Bool { "\(left)" == "\(right)" }
    return offenderCount == other.offenderCount && alike(firstOffenders, other.firstOffenders)
      && equalCount == other.equalCount && largestDistance == other.largestDistance
      && alike([largestDistanceElement], [other.largestDistanceElement])
      && notComparableCount == other.notComparableCount && flushedCount == other.flushedCount
      && overflowedCount == other.overflowedCount && ownOffenderCount == other.ownOffenderCount
      && alike(largestShare, other.largestShare) && alike(largestOwnShare, other.largestOwnShare)
  }
}

extension Vectors.Forward {
  /// The output with one element of other bits.
  fileprivate func replacing(_ element: Int, with bits: UInt64) -> [UInt8] {
    var output = output
    let size = problem.format.byteCount
    for byte in 0..<size {
      output[element * size + byte] = UInt8(truncatingIfNeeded: bits >> (8 * byte))
    }
    return output
  }
}
