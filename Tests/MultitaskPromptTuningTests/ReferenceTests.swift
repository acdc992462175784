// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import Kernels
import MultitaskPromptTuning
import PEFT
import Tensors
import TestSupport
import Testing
import Verification

@Suite("Reference files")
struct ReferenceTests {
  /// A case of the one-token adapter: D = 5.
  static let output = RawSafeTensors.Tensor("c.output", [1, 1, 5], floats: [0, 0, 0, 0, 0])
  static let taskIDs = RawSafeTensors.Tensor("c.task_ids", [1], integers: [0])

  static func open(
    _ tensors: [RawSafeTensors.Tensor], in directory: TemporaryDirectory
  ) throws -> ReferenceFile {
    let path = try directory.write(RawSafeTensors(tensors).encoded(), to: "reference.safetensors")
    return try ReferenceFile(path: path, layouts: [.taskPrompts])
  }

  @Test("what PEFT computed is what we compute, for every adapter and case (M16 to M19, F1, F2)")
  func everyReference() throws {
    #expect(referencedAdapters.count >= 21)
    var cases = 0
    for name in referencedAdapters {
      let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter(name))
      let file = try ReferenceFile(path: Fixtures.reference(name), layouts: [.taskPrompts])
      for item in file.cases {
        let verdict = try MultitaskPromptVerifier(embedding).verify(item, of: file)
        #expect(verdict.holds, "\(name) \(item.name)")
        #expect(verdict.report.notComparableCount == 0)
        #expect(verdict.report.flushedCount == 0 && verdict.report.overflowedCount == 0)
        cases += 1
      }
    }
    #expect(cases > 150)
  }

  @Test("at rank 1 the numbers are PEFT's, compared by the test itself (M16 to M19, M22)")
  func valuesAtRankOne() throws {
    var compared = 0
    for name in referencedAdapters {
      let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter(name))
      guard embedding.dimensions.rank == 1 else { continue }
      let raw = try RawSafeTensors(path: Fixtures.reference(name))
      let file = try ReferenceFile(path: Fixtures.reference(name), layouts: [.taskPrompts])
      for item in file.cases {
        let input = try file.input(of: item, for: embedding.dimensions)
        let output = try embedding.forward(input, dtype: item.result.dtype)
        let reference = try #require(raw["\(item.name).output"])
        #expect(
          values(output.bytes, output.dtype) == values(reference.bytes, output.dtype),
          "\(name) \(item.name)")
        compared += reference.bytes.count
      }
    }
    #expect(compared > 50_000)
  }

  @Test("cases are found by name, in byte order; names may hold dots (F3, F4)")
  func names() throws {
    let directory = try TemporaryDirectory()
    let tensors = [
      "b.output", "b.task_ids", "a.b.output", "a.b.task_ids", "B.output", "B.task_ids",
    ]
    .map { name -> RawSafeTensors.Tensor in
      var tensor = name.hasSuffix("output") ? Self.output : Self.taskIDs
      tensor.name = name
      return tensor
    }
    let stray = RawSafeTensors.Tensor("z.indices", [1], integers: [0])
    let other = RawSafeTensors.Tensor("outputs", [1], integers: [0])
    let file = try Self.open(tensors + [stray, other], in: directory)
    #expect(file.cases.map(\.name) == ["B", "a.b", "b"])
  }

  @Test(
    "a case is found whatever stands beside the dots of its tensors' names (F3)",
    arguments: ["\u{600}", "\r", "e\u{301}", "c.\u{301}", "c\u{200D}", ".", ""])
  func oddNames(name: String) throws {
    let directory = try TemporaryDirectory()
    var (output, taskIDs) = (Self.output, Self.taskIDs)
    output.name = name + ".output"
    taskIDs.name = name + ".task_ids"
    let file = try Self.open([output, taskIDs], in: directory)
    #expect(file.cases.map { Array($0.name.utf8) } == [Array(name.utf8)])
  }

  @Test(
    "what is no whole case is refused (F4)",
    arguments: [
      ([Self.output], "case c has no c.task_ids"), ([Self.taskIDs], "case c has no c.output"),
      ([], "has no reference cases"),
      (
        [RawSafeTensors.Tensor("c.indices", [1, 1], integers: [0])], "has no reference cases"
      ),
    ] as [([RawSafeTensors.Tensor], String)])
  func incomplete(tensors: [RawSafeTensors.Tensor], message: String) throws {
    let directory = try TemporaryDirectory()
    let error = #expect(throws: CheckpointError.self) { try Self.open(tensors, in: directory) }
    #expect(error?.code == .missing)
    #expect(error?.message == message)
    #expect(error?.path == directory.path("reference.safetensors"))
  }

  @Test(
    "dtypes, shapes and ids are the adapter's (F5)",
    arguments: [
      (
        [.init("c.output", [1, 1, 4], floats: [0, 0, 0, 0]), Self.taskIDs],
        "case c: has the shape [1, 1, 4], but the adapter computes [B, L, 5]", "c.output"
      ),
      (
        [.init("c.output", [1, 5], floats: [0, 0, 0, 0, 0]), Self.taskIDs],
        "case c: has the shape [1, 5], but the adapter computes [B, L, 5]", "c.output"
      ),
      (
        [.init("c.output", "F32", [1 << 63, 0, 5], []), Self.taskIDs],
        "case c: has the shape [9223372036854775808, 0, 5], but the adapter computes [B, L, 5]",
        "c.output"
      ),
      (
        [.init("c.output", "I64", [1, 1, 5], [UInt8](repeating: 0, count: 40)), Self.taskIDs],
        "prompts are computed in F32, F64, BF16 or F16, not in I64", "c.output"
      ),
      (
        [Self.output, .init("c.task_ids", "I32", [1], [0, 0, 0, 0])],
        "case c: must be I64, but is I32", "c.task_ids"
      ),
      (
        [Self.output, .init("c.task_ids", [], integers: [0])],
        "case c: must have one dimension, but has the shape []", "c.task_ids"
      ),
      (
        [Self.output, Self.taskIDs, .init("c.indices", [1], integers: [0])],
        "case c: must have [1, 1], but has the shape [1]", "c.indices"
      ),
      (
        [Self.output, Self.taskIDs, .init("c.indices", "F32", [1, 1], [0, 0, 0, 0])],
        "case c: must be I64, but is F32", "c.indices"
      ),
      (
        [Self.output, .init("c.task_ids", [1], integers: [1])],
        "case c: there is no task 1: the adapter has only task 0", nil
      ),
      (
        [Self.output, Self.taskIDs, .init("c.indices", [1, 1], integers: [-1])],
        "case c: there is no virtual token -1 (prompt 0, position 0): "
          + "the adapter has only virtual token 0", nil
      ),
      (
        [Self.output, .init("c.task_ids", [2], integers: [0, 0])],
        "case c: the number of task ids is 2, but the number of prompts is 1; "
          + "give one id, or one for each prompt", nil
      ),
    ] as [([RawSafeTensors.Tensor], String, TensorName?)])
  func misfits(
    tensors: [RawSafeTensors.Tensor], message: String, tensor: TensorName?
  ) throws {
    let directory = try TemporaryDirectory()
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-one-token"))
    let file = try Self.open(tensors, in: directory)
    let error = #expect(throws: CheckpointError.self) {
      try MultitaskPromptVerifier(embedding).verify(file.cases[0], of: file)
    }
    #expect(error?.message == message)
    #expect(error?.tensor == tensor)
    #expect(error?.path == file.archive.path)
  }

  @Test(
    "a forward is written as a reference that holds (F6, F7)",
    arguments: [DType.float32, .float64, .bfloat16, .float16])
  func writes(dtype: DType) throws {
    let directory = try TemporaryDirectory()
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-rank4"))
    let input = try PromptInput(taskIDs: [1, 2, 0], for: embedding.dimensions)
    let output = try embedding.forward(input, dtype: dtype)
    let path = directory.path("out.safetensors")
    var target = try AtomicFile(path: path, policy: OutputPolicy(synchronizes: false))
    try ReferenceWriter.write(output, of: input, producer: "a \"test\"", to: &target)
    try target.commit()

    let raw = try RawSafeTensors(path: path)
    #expect(raw.metadata == ["producer": "a \"test\""])
    #expect(
      raw.tensors.map(\.name).sorted() == ["case0.indices", "case0.output", "case0.task_ids"])
    #expect(raw["case0.task_ids"]?.bytes == [1, 2, 0].flatMap { littleEndian(Int64($0)) })
    #expect(raw["case0.indices"]?.shape == [3, 10])
    #expect(raw["case0.output"]?.dtype == dtype.name)
    #expect(raw["case0.output"]?.bytes == output.bytes)

    let file = try ReferenceFile(path: path, layouts: [.taskPrompts])
    let verdict = try MultitaskPromptVerifier(embedding).verify(file.cases[0], of: file)
    #expect(verdict.holds && verdict.report.equalCount == verdict.report.elementCount)
  }

  @Test("an output without elements holds (F8)")
  func empty() throws {
    let directory = try TemporaryDirectory()
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-one-token"))
    let file = try Self.open(
      [.init("c.output", "F32", [0, 1, 5], []), Self.taskIDs], in: directory)
    let verdict = try MultitaskPromptVerifier(embedding).verify(file.cases[0], of: file)
    #expect(verdict.holds && verdict.report.elementCount == 0)
  }
}
