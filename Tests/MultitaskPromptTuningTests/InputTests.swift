// SPDX-License-Identifier: Apache-2.0
import MultitaskPromptTuning
import PEFT
import Tensors
import TestSupport
import Testing

let sizes = MultitaskPromptDimensions(
  taskCount: 3, virtualTokenCount: 4, rank: 1, tokenDimension: 2)
let oneToken = MultitaskPromptDimensions(
  taskCount: 1, virtualTokenCount: 1, rank: 1, tokenDimension: 2)

/// What is asked of an adapter, and why it cannot be.
struct RefusedInput: CustomTestStringConvertible, Sendable {
  let rule: String
  let taskIDs: [Int]
  var indices: [Int]?
  var batchCount = 1
  var sequenceLength = 4
  var sizes = MultitaskPromptTuningTests.sizes
  let message: String

  var testDescription: String { "\(rule): \(message)" }

  static let all: [RefusedInput] = [
    Self(
      rule: "M10", taskIDs: [],
      message: "the number of task ids is 0, but the number of prompts is 1; "
        + "give one id, or one for each prompt"),
    Self(
      rule: "M10", taskIDs: [0, 1],
      message: "the number of task ids is 2, but the number of prompts is 1; "
        + "give one id, or one for each prompt"),
    Self(
      rule: "M10", taskIDs: [0, 1], batchCount: 3,
      message: "the number of task ids is 2, but the number of prompts is 3; "
        + "give one id, or one for each prompt"),
    Self(
      rule: "M11", taskIDs: [3], message: "there is no task 3: the adapter has tasks 0 to 2"),
    Self(
      rule: "M11", taskIDs: [0, -1], batchCount: 2,
      message: "there is no task -1: the adapter has tasks 0 to 2"),
    Self(
      rule: "M11", taskIDs: [1], sequenceLength: 1, sizes: oneToken,
      message: "there is no task 1: the adapter has only task 0"),
    Self(
      rule: "M12", taskIDs: [0], indices: [0, 1, 2], sequenceLength: 3,
      message: "each prompt has 3 indices, but the adapter has 4 virtual tokens"),
    Self(
      rule: "M12", taskIDs: [0], indices: [0], sequenceLength: 1,
      message: "each prompt has 1 indices, but the adapter has 4 virtual tokens"),
    Self(
      rule: "M13", taskIDs: [0], indices: [0, 1, 2, 3, 0, 1, 4, 3], batchCount: 2,
      message: "there is no virtual token 4 (prompt 1, position 2): "
        + "the adapter has virtual tokens 0 to 3"),
    Self(
      rule: "M13", taskIDs: [0], indices: [-1, 1, 2, 3],
      message: "there is no virtual token -1 (prompt 0, position 0): "
        + "the adapter has virtual tokens 0 to 3"),
    Self(
      rule: "M13", taskIDs: [0], indices: [0, 1],
      message: "2 indices are not 1 prompts of 4"),
    Self(
      rule: "M14", taskIDs: [0], sequenceLength: 3, sizes: oneToken,
      message: "prompts of 3 positions need indices: the adapter has only virtual token 0"),
    Self(
      rule: "M15", taskIDs: [0], batchCount: -1,
      message: "-1 prompts of 4 indices are too many"),
    Self(
      rule: "M15", taskIDs: [0], batchCount: .max,
      message: "9223372036854775807 prompts of 4 indices are too many"),
  ]
}

@Suite("What a forward is asked for")
struct InputTests {
  @Test("what PEFT's module refuses is refused (M10 to M15)", arguments: RefusedInput.all)
  func refused(_ item: RefusedInput) {
    let error = #expect(throws: CheckpointError.self) {
      try PromptInput(
        taskIDs: item.taskIDs, indices: item.indices, batchCount: item.batchCount,
        sequenceLength: item.sequenceLength, for: item.sizes)
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message == item.message)
  }

  @Test("one id serves every prompt, or each has its own (M10)")
  func taskIDs() throws {
    let shared = try PromptInput(taskIDs: [2], batchCount: 3, sequenceLength: 4, for: sizes)
    #expect(shared.taskIDs == [2] && shared.batchCount == 3 && shared.indices.count == 12)
    let own = try PromptInput(taskIDs: [2, 0, 2], batchCount: 3, sequenceLength: 4, for: sizes)
    #expect(own.taskIDs == [2, 0, 2])
  }

  @Test("without indices each prompt is 0 to V - 1 (M14)")
  func defaultIndices() throws {
    let input = try PromptInput(taskIDs: [0, 1], for: sizes)
    #expect(input.indices == [0, 1, 2, 3, 0, 1, 2, 3])
    #expect(input.batchCount == 2 && input.sequenceLength == 4)
  }

  @Test("one virtual token takes any length (M12)", arguments: [0, 1, 3, 100])
  func anyLength(length: Int) throws {
    let indices = [Int](repeating: 0, count: 2 * length)
    let input = try PromptInput(
      taskIDs: [0], indices: indices, batchCount: 2, sequenceLength: length, for: oneToken)
    #expect(input.indices == indices)
  }

  @Test("a batch of nothing (M15)")
  func emptyBatch() throws {
    for taskIDs in [[], [1]] {
      let input = try PromptInput(taskIDs: taskIDs, batchCount: 0, sequenceLength: 4, for: sizes)
      #expect(input.indices.isEmpty)
    }
  }

  @Test(
    "an indices file holds I64 indices [B, L]",
    arguments: [
      (RawSafeTensors.Tensor("indices", "F32", [1, 1], [0, 0, 0, 0]), "must be I64, but is F32"),
      (.init("indices", "I32", [1, 1], [0, 0, 0, 0]), "must be I64, but is I32"),
      (
        .init("indices", [4], integers: [0, 1, 2, 3]),
        "must be [B, L], but has the shape [4]"
      ),
      (
        .init("indices", [1, 1, 4], integers: [0, 1, 2, 3]),
        "must be [B, L], but has the shape [1, 1, 4]"
      ),
      (
        .init("indices", "I64", [1 << 63, 0], []),
        "must be [B, L], but has the shape [9223372036854775808, 0]"
      ),
      (.init("index", [1, 4], integers: [0, 1, 2, 3]), "has no tensor \"indices\""),
    ] as [(RawSafeTensors.Tensor, String)])
  func indicesFileErrors(tensor: RawSafeTensors.Tensor, message: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(RawSafeTensors([tensor]).encoded(), to: "i.safetensors")
    let error = #expect(throws: CheckpointError.self) {
      try PromptInput(taskIDs: [0], indicesFile: path, for: sizes)
    }
    #expect(error?.message == message)
    #expect(error?.path == path)
  }

  @Test("the shape of an indices file is B and L")
  func indicesFile() throws {
    let directory = try TemporaryDirectory()
    let tensor = RawSafeTensors.Tensor("indices", [2, 4], integers: [3, 2, 1, 0, 0, 0, 0, 0])
    let path = try directory.write(
      RawSafeTensors([tensor]).encoded(misalignment: 5), to: "i.safetensors")
    let input = try PromptInput(taskIDs: [1], indicesFile: path, for: sizes)
    #expect(input.batchCount == 2 && input.sequenceLength == 4)
    #expect(input.indices == [3, 2, 1, 0, 0, 0, 0, 0])
  }

  @Test("an empty indices file of absurd extents asks for nothing (M15)")
  func absurdExtents() throws {
    let directory = try TemporaryDirectory()
    let tensor = RawSafeTensors.Tensor("indices", "I64", [1 << 62, 0], [])
    let path = try directory.write(RawSafeTensors([tensor]).encoded(), to: "i.safetensors")
    let input = try PromptInput(taskIDs: [0], indicesFile: path, for: oneToken)
    #expect(input.batchCount == 1 << 62 && input.indices.isEmpty)
  }
}
