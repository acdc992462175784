// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors
import Testing

@Suite struct ForwardPlanTests {
  static let problem = Problem(
    .float32, columns: [1], rows: [[2, 3]], embedding: [4, 5])

  @Test func refusesShapesThatDoNotBelongTogether() throws {
    let shapes: [([Int], [Int], [Int])] = [
      ([1, 2, 3], [1, 2, 1], [2, 1]), ([1, 2, 3], [2, 3, 1], [2, 1]),
      ([1, 2, 3], [1, 3, 2], [2, 1]), ([1, 2, 3], [1, 3, 1], [3, 1]),
      ([2, 3], [1, 3, 1], [2, 1]),
      ([1, 2, 3], [1, 3, 1], [2]), ([], [], []),
    ]
    for (c, r, e) in shapes {
      let error = #expect(throws: CheckpointError.self) {
        let (columns, rows, embeddings) = (zeros(c), zeros(r), zeros(e))
        _ = try PromptFactors(
          columns: tensor(.float32, c, columns.span.bytes),
          rows: tensor(.float32, r, rows.span.bytes),
          embeddings: tensor(.float32, e, embeddings.span.bytes))
      }
      #expect(error?.code == .mismatch)
    }
  }

  @Test func refusesOtherDTypes() {
    let bytes = [UInt8](repeating: 0, count: 4)
    let error = #expect(throws: CheckpointError.self) {
      let cube = TensorView(dtype: .int32, shape: [1, 1, 1], bytes: bytes.span.bytes)
      let square = TensorView(dtype: .float32, shape: [1, 1], bytes: bytes.span.bytes)
      _ = try PromptFactors(columns: cube, rows: cube, embeddings: square)
    }
    #expect(error?.code == .unsupported)
  }

  @Test(arguments: [(2, [0, 0, 0], 1, 3), (1, [0, 0], 3, 1), (1, [], 1, 1)])
  func refusesCountsThatDoNotGoTogether(
    positions: Int, taskIDs: [Int], batch: Int, length: Int
  ) {
    var problem = Problem(
      tasks: 1, positions: positions, rank: 0, width: 0, batch: batch, length: length,
      format: .float32)
    problem.taskIDs = taskIDs
    problem.indices = [Int](repeating: 0, count: batch * length)
    let error = #expect(throws: CheckpointError.self) { try problem.output() }
    #expect(error?.code == .invalidArgument)
  }

  @Test func absurdExtentsOfNothing() throws {
    let problem = Problem(
      tasks: 1, positions: 0, rank: 0, width: .max, batch: 1, length: 0, format: .float32)
    #expect(try problem.output().isEmpty)
    #expect(try problem.verify([UInt8]()).holds)
  }

  @Test func emptySizes() throws {
    for (rank, width, batch) in [(0, 3, 1), (1, 0, 1), (2, 3, 0), (0, 0, 0)] {
      var problem = Problem(
        tasks: 1, positions: 1, rank: rank, width: width, batch: batch, length: 1,
        format: .bfloat16)
      problem.columns = [UInt8](repeating: 0x40, count: 2 * rank)
      problem.rows = [UInt8](repeating: 0x40, count: 2 * rank * width)
      problem.embeddings = [UInt8](repeating: 0x40, count: 2 * width)
      problem.indices = [Int](repeating: 0, count: batch)
      for implementation in vectorImplementations + [.reference] {
        let output = try problem.output(implementation)
        #expect(output.count == 2 * batch * width)
        if rank == 0 { #expect(output.allSatisfy { $0 == 0 }) }
      }
      #expect(try problem.verify(problem.output()).holds)
    }
  }

  @Test func trapsOnBadIDs() async {
    await #expect(processExitsWith: .failure) {
      var problem = ForwardPlanTests.problem
      problem.taskIDs = [1]
      _ = try problem.output()
    }
    await #expect(processExitsWith: .failure) {
      var problem = ForwardPlanTests.problem
      problem.indices = [-1]
      _ = try problem.output()
    }
  }
}

private func zeros(_ shape: [Int]) -> [UInt8] {
  [UInt8](repeating: 0, count: shape.reduce(4, *))
}
