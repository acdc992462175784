// SPDX-License-Identifier: Apache-2.0
import Kernels
import TestSupport
import Tensors
import Testing

/// Every implementation that this CPU runs.
let vectorImplementations = InstructionSet.allCases.filter(\.isAvailable)
  .map(KernelImplementation.instructionSet)

@Suite struct ForwardTests {
  @Test func everyInstructionSetGivesTheBitsOfTheReference() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<250 {
      let problem = Problem(using: &generator)
      let reference = try problem.output(.reference)
      for implementation in vectorImplementations {
        let output = try problem.output(implementation)
        #expect(output == reference, "\(problem) \(implementation) seed \(seed)")
      }
    }
  }

  @Test func equalsPEFTAtRankOneAndKeepsTheBoundAbove() throws {
    for vector in try Vectors.forwards() {
      let output = try vector.problem.output()
      let format = vector.problem.format
      let report = try vector.problem.verify(vector.output)
      #expect(report.holds, "\(vector): \(report)")
      #expect(report.elementCount == output.count / format.byteCount)
      guard vector.problem.rank == 1 else {
        if vector.isFresh { #expect((report.largestShare ?? 2) <= 1, "\(vector)") }
        continue
      }
      let comparison = ValueComparison(
        output.span.bytes, vector.output.span.bytes, format: format)
      // The CPU that made the vectors may have flushed subnormal BF16 numbers.
      if vector.isFresh || format != .bfloat16 {
        #expect(comparison.isEqual, "\(vector): \(comparison)")
      }
      #expect(report.equalCount == comparison.equalCount)
    }
  }

  @Test func followsTheOrderOfSummation() throws {
    // (2^24 + 1) - 2^24 is 0 in F32 in this order, and 1 in another or with a wider accumulator.
    for format in [FloatFormat.float32, .bfloat16] {
      let problem = Problem(
        format, columns: [1, 1, 1], rows: [[0x1p24], [1], [-0x1p24]], embedding: [1])
      #expect(try problem.output() == Problem.bytes([0], format))
    }
  }

  @Test func doesNotContractToFMA() throws {
    let x = 1 + 0x1p-12
    let problem = Problem(
      .float32, columns: [-1, x], rows: [[1 + 0x1p-11], [x]], embedding: [1])
    for implementation in vectorImplementations {
      #expect(try problem.output(implementation) == Problem.bytes([0], .float32))
    }
  }

  /// BF16 products are computed two ranks at a time while their exponents let that change no bit.
  @Test func exponentsAtTheLimitsOfPairedBF16() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    for sum in [135, 141, 142, 143, 150, 254, 310, 315, 316, 325, 380, 440] {
      for rank in [2, 3, 5, 31, 32, 33, 64, 255, 256, 257, 300, 513] {
        let width = [1, 15, 64, 70].randomElement(using: &generator)!
        var problem = Problem(
          tasks: 1, positions: 7, rank: rank, width: width, batch: 1, length: 7, format: .bfloat16)
        let exponent = Int.random(in: max(1, sum - 254)...min(254, sum - 1), using: &generator)
        problem.columns = Problem.bfloat16(7 * rank, exponent: exponent, &generator)
        problem.rows = Problem.bfloat16(rank * width, exponent: sum - exponent, &generator)
        problem.embeddings = Problem.bfloat16(7 * width, exponent: 127, &generator)
        problem.indices = Array(0..<7)
        let reference = try problem.output(.reference)
        for implementation in vectorImplementations {
          let output = try problem.output(implementation)
          #expect(output == reference, "\(problem) \(implementation) sum \(sum) seed \(seed)")
        }
      }
    }
  }

  @Test func takesThePositionOfTheProductFromThePlaceAndNotTheIndex() throws {
    var problem = Problem(
      tasks: 1, positions: 3, rank: 1, width: 1, batch: 2, length: 3, format: .float32)
    problem.columns = Problem.bytes([1, 10, 100], .float32)
    problem.rows = Problem.bytes([1], .float32)
    problem.embeddings = Problem.bytes([2, 3, 4], .float32)
    problem.indices = [2, 2, 0, 0, 1, 2]
    #expect(
      try problem.output() == Problem.bytes([4, 40, 200, 2, 30, 400], .float32))
  }

  @Test func aNaNIsAlwaysTheSame() throws {
    for format in FloatFormat.allCases {
      let problem = Problem(
        format, columns: [1], rows: [[.infinity, -.nan, 1]], embedding: [0, 1, -.nan])
      let nan = Problem.bytes([.nan, .nan, .nan], format)
      for implementation in vectorImplementations + [.reference] {
        #expect(try problem.output(implementation) == nan)
      }
    }
  }

  @Test func computesSomeRows() throws {
    var generator = SeededGenerator(seed: 7)
    var problem = Problem(
      tasks: 2, positions: 3, rank: 2, width: 5, batch: 2, length: 3, format: .float16)
    problem.columns = Problem.random(12, .float16, false, &generator)
    problem.rows = Problem.random(20, .float16, false, &generator)
    problem.embeddings = Problem.random(15, .float16, false, &generator)
    problem.taskIDs = [1, 0]
    problem.indices = [0, 1, 2, 2, 1, 0]
    let whole = try problem.output()
    let part = try problem.withPlan { plan in
      [UInt8](capacity: 30) { bytes in
        bytes.withUnsafeMutableBufferPointer { buffer, count in
          let room = UnsafeMutableRawBufferPointer(buffer)
          var output = OutputRawSpan(buffer: room, initializedCount: 0)
          plan.run(rows: 2..<5, into: &output)
          count = output.finalize(for: room)
        }
      }
    }
    #expect(part == Array(whole[20..<50]))
  }
}
