// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import TestSupport
import Tensors
import Testing

/// How the work is cut up, shared out and stored changes no bits.
@Suite struct ForwardSharingTests {
  /// Whole tiles and parts of them, ranks beyond one panel, widths beyond one block, tasks with many
  /// prompts and with none.
  @Test func everyInstructionSetAndThreadCountGivesTheBitsOfTheReference() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let sizes: [(positions: Int, rank: Int, width: Int, batch: Int)] = [
      (17, 3, 70, 5), (9, 1, 100, 12), (1, 2, 33, 40),
      (3, 300, 40, 2), (2, 1, 4200, 3), (2, 2, 4200, 1), (8, 64, 65, 2), (16, 0, 33, 2),
    ]
    for size in sizes {
      for format in FloatFormat.allCases {
        let problem = Problem(
          tasks: 3, positions: size.positions, rank: size.rank, width: size.width,
          batch: size.batch, length: size.positions, format: format, using: &generator)
        let reference = try problem.output(.reference)
        for implementation in vectorImplementations {
          for threadCount in [1, 2, 5] {
            let output = try problem.withPlan {
              $0.output(implementation: implementation, threadCount: threadCount)
            }
            #expect(
              output == reference, "\(problem) \(implementation) \(threadCount) seed \(seed)")
          }
        }
      }
    }
  }

  @Test func anyRowsAreTheSameAsInTheWhole() throws {
    var generator = SeededGenerator(seed: 3)
    for (positions, length) in [(3, 3), (1, 5)] {
      let problem = Problem(
        tasks: 2, positions: positions, rank: 2, width: 5, batch: 4, length: length,
        format: .float32, using: &generator)
      let whole = try problem.output(.reference)
      try problem.withPlan { plan in
        for start in 0...plan.rowCount {
          for end in start...plan.rowCount {
            let part = bytes(count: (end - start) * 20) { output in
              plan.run(rows: start..<end, into: &output)
            }
            #expect(part == Array(whole[start * 20..<end * 20]))
          }
        }
      }
    }
  }

  /// An output so large that it is written past the caches, against parts that are not.
  @Test func largeOutputsAreTheSame() throws {
    var generator = SeededGenerator(seed: 4)
    for (format, rank) in [(FloatFormat.float32, 1), (.bfloat16, 1), (.float16, 2)] {
      // No multiple of a cache line, so that rows start anywhere.
      let width = 4095
      let batch = 25 << 20 / (100 * width * format.byteCount) + 1
      let problem = Problem(
        tasks: 3, positions: 100, rank: rank, width: width, batch: batch, length: 100,
        format: format, using: &generator)
      try problem.withPlan { plan in
        let whole = plan.output()
        let parts = bytes(count: plan.outputByteCount) { output in
          for start in stride(from: 0, to: plan.rowCount, by: 150) {
            plan.run(
              rows: start..<min(start + 150, plan.rowCount), into: &output, threadCount: 1)
          }
        }
        #expect(whole == parts)
      }
    }
  }

  @Test func writesNothingButTheOutputAtAnyAlignment() throws {
    var generator = SeededGenerator(seed: 5)
    for format in FloatFormat.allCases {
      for rank in [1, 2] {
        let problem = Problem(
          tasks: 2, positions: 3, rank: rank, width: 75, batch: 2, length: 3, format: format,
          using: &generator)
        let expected = try problem.output(.reference)
        for implementation in vectorImplementations {
          for offset in 0..<65 {
            let room = [UInt8](repeating: 0xA5, count: offset)
            let after = [UInt8](repeating: 0x5A, count: 65)
            var memory = room + [UInt8](repeating: 0, count: expected.count) + after
            try problem.withPlan { plan in
              memory.withUnsafeMutableBytes { memory in
                let room = UnsafeMutableRawBufferPointer(
                  rebasing: memory[offset..<offset + expected.count])
                var output = OutputRawSpan(buffer: room, initializedCount: 0)
                plan.run(into: &output, implementation: implementation)
                #expect(output.finalize(for: room) == expected.count)
              }
            }
            #expect(memory == room + expected + after, "\(problem) \(implementation) +\(offset)")
          }
        }
      }
    }
  }

  /// Outputs of both kinds of memory, one after the other and side by side.
  @Test func memoryIsUsedAgainAndNeverTwiceAtOnce() throws {
    var generator = SeededGenerator(seed: 8)
    for width in [7, 5 << 18] {
      let problems = (0..<3).map { _ in
        Problem(
          tasks: 1, positions: 1, rank: 1, width: width, batch: 1, length: 1, format: .float32,
          using: &generator)
      }
      let expected = try problems.map { try $0.output() }
      for _ in 0..<2 {
        let outputs = try problems.map { try $0.withPlan { $0.pooledOutput() } }
        for (expected, output) in zip(expected, outputs) {
          let areEqual = Self.areEqual(output.bytes, expected)
          #expect(areEqual)
        }
      }
    }
    ForwardOutput.discardUnusedMemory()
  }

  @Test func manyAtOnce() async throws {
    var generator = SeededGenerator(seed: 6)
    let problem = Problem(
      tasks: 2, positions: 9, rank: 4, width: 100, batch: 8, length: 9, format: .bfloat16,
      using: &generator)
    let expected = try problem.output(.reference)
    try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0..<200 {
        group.addTask { try problem.withPlan { $0.output(threadCount: 4) } }
      }
      for try await output in group { #expect(output == expected) }
    }
  }

  private static func areEqual(_ bytes: RawSpan, _ expected: [UInt8]) -> Bool {
    bytes.byteCount == expected.count
      && bytes.withUnsafeBytes { bytes in
        expected.withUnsafeBytes { memcmp(bytes.baseAddress!, $0.baseAddress!, $0.count) == 0 }
      }
  }

  /// Memory that the kernels are asked to fill.
  private func bytes(count: Int, _ body: (inout OutputRawSpan) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let room = UnsafeMutableRawBufferPointer(buffer)
      var output = OutputRawSpan(buffer: room, initializedCount: 0)
      body(&output)
      initialized = output.finalize(for: room)
    }
  }
}

extension Problem {
  /// A problem of given sizes with ordinary numbers, and tasks and indices in any order.
  init(
    tasks: Int, positions: Int, rank: Int, width: Int, batch: Int, length: Int,
    format: FloatFormat, using generator: inout SeededGenerator
  ) {
    self.init(
      tasks: tasks, positions: positions, rank: rank, width: width, batch: batch, length: length,
      format: format)
    columns = Self.random(tasks * positions * rank, format, false, &generator)
    rows = Self.random(tasks * rank * width, format, false, &generator)
    embeddings = Self.random(positions * width, format, false, &generator)
    taskIDs = (0..<batch).map { _ in Int.random(in: 0..<tasks, using: &generator) }
    indices = (0..<batch * length).map { _ in Int.random(in: 0..<positions, using: &generator) }
  }
}
