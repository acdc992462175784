// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import MultitaskPromptTuning
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("The forward")
struct ForwardTests {
  /// K = 2, V = 2, R = 2, D = 2, all small integers: exact in every dtype.
  static func integers(misalignment: Int = 0, dtype: DType = .float32) throws -> SmallAdapter {
    try SmallAdapter(
      tasks: 2, tokens: 2, rank: 2, width: 2, dtype: dtype,
      columns: [1, 2, 3, 4, 5, 6, 7, 8], rows: [1, 2, 3, 4, -1, 0, 1, 2],
      embeddings: [1, 2, 3, 5], misalignment: misalignment)
  }

  /// cols[0] @ rows[0] = [[7, 10], [15, 22]] and cols[1] @ rows[1] = [[1, 12], [1, 16]], by hand.
  @Test(
    "the row of the columns is the position, whatever the index (M16)",
    arguments: [
      ([0], nil, [7, 20, 45, 110]),
      ([1], nil, [1, 24, 3, 80]),
      ([0, 1], nil, [7, 20, 45, 110, 1, 24, 3, 80]),
      ([0], [1, 0], [21, 50, 15, 44]),
      ([1], [1, 1], [3, 60, 3, 80]),
      ([0], [0, 0, 1, 0], [7, 20, 15, 44, 21, 50, 15, 44]),
      ([1, 0], [1, 0, 0, 1], [3, 60, 1, 32, 7, 20, 45, 110]),
    ] as [([Int], [Int]?, [Double])])
  func positions(taskIDs: [Int], indices: [Int]?, expected: [Double]) throws {
    let adapter = try Self.integers()
    let embedding = try adapter.embedding
    let input = try PromptInput(
      taskIDs: taskIDs, indices: indices, batchCount: expected.count / 4, sequenceLength: 2,
      for: embedding.dimensions)
    let output = try embedding.forward(input)
    #expect(output.shape == Shape([expected.count / 4, 2, 2]))
    #expect(values(output.bytes, .float32) == expected)
  }

  @Test("one virtual token is broadcast (M12, M16)")
  func broadcast() throws {
    let adapter = try SmallAdapter(
      tasks: 2, width: 2, columns: [2, 3], rows: [5, 7, 11, 13], embeddings: [1, -1])
    let embedding = try adapter.embedding
    let input = try PromptInput(
      taskIDs: [1, 0], indices: [0, 0, 0, 0, 0, 0], batchCount: 2, sequenceLength: 3,
      for: embedding.dimensions)
    #expect(
      try values(embedding.forward(input).bytes, .float32) == [
        33, -39, 33, -39, 33, -39, 10, -14, 10, -14, 10, -14,
      ])
  }

  @Test("any dtype of the file gives any dtype of the output (M6, M17)")
  func everyDType() throws {
    let dtypes: [DType] = [.float32, .float64, .bfloat16, .float16]
    for stored in dtypes {
      let adapter = try Self.integers(dtype: stored)
      let embedding = try adapter.embedding
      let input = try PromptInput(taskIDs: [0], for: embedding.dimensions)
      for dtype in dtypes {
        let output = try embedding.forward(input, dtype: dtype)
        #expect(output.dtype == dtype)
        #expect(values(output.bytes, dtype) == [7, 20, 45, 110], "\(stored) in \(dtype)")
      }
      #expect(try embedding.forward(input).dtype == .float32)
    }
  }

  @Test(
    "nothing is computed in other dtypes (M17)", arguments: [DType.int64, .float8E4M3FN, .bool])
  func otherDTypes(dtype: DType) throws {
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-one-token"))
    let input = try PromptInput(taskIDs: [0], for: embedding.dimensions)
    let error = #expect(throws: CheckpointError.self) {
      try embedding.forward(input, dtype: dtype)
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("not in \(dtype)") == true)
  }

  @Test(
    "factors are rounded to nearest, ties to even, before anything else (M17)",
    arguments: [
      (.bfloat16, 0x1.01p0, 1), (.bfloat16, 0x1.03p0, 0x1.04p0), (.bfloat16, 0x1.01001p0, 0x1.02p0),
      (.float16, 0x1.002p0, 1), (.float16, 0x1.006p0, 0x1.008p0), (.float16, 65520, .infinity),
    ] as [(DType, Double, Double)])
  func conversion(dtype: DType, factor: Double, expected: Double) throws {
    let adapter = try SmallAdapter(columns: [factor], rows: [1], embeddings: [1])
    let embedding = try adapter.embedding
    let input = try PromptInput(taskIDs: [0], for: embedding.dimensions)
    #expect(try values(embedding.forward(input, dtype: dtype).bytes, dtype) == [expected])
  }

  @Test("half sums are accumulated in F32, then rounded, then multiplied (M18)")
  func halfSteps() throws {
    // In F16 each addition of 2^-11 to 1 would be lost.
    let sums = try SmallAdapter(
      rank: 3, dtype: .float16, columns: [1, 0x1p-11, 0x1p-11], rows: [1, 1, 1], embeddings: [1])
    // The sum 1 + 2^-11 is a tie and becomes 1; unrounded, the product would be 1 + 2^-9.
    let product = try SmallAdapter(
      rank: 2, dtype: .float16, columns: [1, 0x1p-11], rows: [1, 1], embeddings: [0x1.004p0])
    for adapter in [sums, product] {
      let embedding = try adapter.embedding
      let input = try PromptInput(taskIDs: [0], for: embedding.dimensions)
      #expect(try values(embedding.forward(input, dtype: .float16).bytes, .float16) == [0x1.004p0])
    }
  }

  @Test(
    "the sum ascends, and multiplication and addition are rounded apart (M18, M20)",
    arguments: [
      ([0x1p24, 1, -0x1p24], [1, 1, 1], 0),
      ([0x1p24, -0x1p24, 1], [1, 1, 1], 1),
      // A fused second step would leave 2^-24.
      ([-0x1.002p0, 0x1.001p0], [1, 0x1.001p0], 0),
    ] as [([Double], [Double], Double)])
  func order(columns: [Double], rows: [Double], expected: Double) throws {
    let adapter = try SmallAdapter(
      rank: columns.count, columns: columns, rows: rows, embeddings: [1])
    let embedding = try adapter.embedding
    let input = try PromptInput(taskIDs: [0], for: embedding.dimensions)
    #expect(try values(embedding.forward(input).bytes, .float32) == [expected])
  }

  @Test("a NaN is the positive quiet one (M20)")
  func nan() throws {
    let adapter = try SmallAdapter(
      width: 2, columns: [-.nan], rows: [1, .signalingNaN], embeddings: [-.infinity, 1])
    let embedding = try adapter.embedding
    let input = try PromptInput(taskIDs: [0], for: embedding.dimensions)
    #expect(try embedding.forward(input).bytes == [0, 0, 0xC0, 0x7F, 0, 0, 0xC0, 0x7F])
  }

  @Test("an empty batch has an empty output (M15)")
  func emptyBatch() throws {
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-causal-lm"))
    let input = try PromptInput(
      taskIDs: [0], batchCount: 0, sequenceLength: 8, for: embedding.dimensions)
    let output = try embedding.forward(input)
    #expect(output.bytes.isEmpty)
    #expect(output.shape == [0, 8, 16])
  }

  @Test(
    "the data may stand at any alignment (M9)", arguments: ["mpt-rank4", "mpt-f64", "mpt-bf16"])
  func alignment(name: String) throws {
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter(name))
    let input = try PromptInput(taskIDs: [0, 2, 1], for: embedding.dimensions)
    let expected = try embedding.forward(input).bytes
    let copy = try AdapterCopy(of: name)
    for misalignment in 1..<8 {
      try copy.changeWeights(misalignment: misalignment) { _ in }
      let moved = try MultitaskPromptEmbedding(path: copy.path)
      #expect(try moved.forward(input).bytes == expected, "\(misalignment)")
    }
  }
}

@Suite("Adapters to compute with")
struct EmbeddingTests {
  @Test(
    "weights that do not fit the config are not computed with (M9)",
    arguments: [
      ("prefix_task_rows", "missing", "the weights have no prefix_task_rows"),
      ("prompt_embeddings", "shape", "prompt_embeddings has the shape [16, 8]"),
      ("prefix_task_cols", "dtype", "prefix_task_cols has the dtype I32"),
    ])
  func misfits(tensor: String, damage: String, message: String) throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.changeWeights {
      switch damage {
      case "missing": $0[tensor] = nil
      case "shape": $0[tensor]?.shape.reverse()
      default: $0[tensor]?.dtype = "I32"
      }
    }
    let error = #expect(throws: CheckpointError.self) {
      try MultitaskPromptEmbedding(path: copy.path)
    }
    #expect(error?.code == .mismatch)
    #expect(error?.path == copy.weightsPath)
    #expect(error?.message.hasPrefix(message) == true)
    #expect(error?.remedy == .validate(copy.path))
  }

  @Test("another method's adapter is refused by name, with the config's path (C17, C18)")
  func otherMethod() throws {
    let error = #expect(throws: CheckpointError.self) {
      try MultitaskPromptEmbedding(path: Fixtures.adapter("lora"))
    }
    #expect(error?.message == "the adapter's peft_type is LORA, not MULTITASK_PROMPT_TUNING")
    #expect(error?.path == Fixtures.adapter("lora") + "/adapter_config.json")
  }

  @Test("tensors beyond the method's are left alone (M7)")
  func heads() throws {
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-seq-cls"))
    #expect(embedding.weights.tensorCount == 4)
    #expect(embedding.dimensions.virtualTokenCount == 5)
  }

  @Test("a sequence-to-sequence adapter has twice the rows (M2)")
  func submodules() throws {
    let both = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-seq2seq"))
    let encoder = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-seq2seq-encoder-only"))
    let tokens = try MultitaskPromptTuningConfig(
      AdapterConfig(path: Fixtures.adapter("mpt-seq2seq") + "/adapter_config.json")
    ).virtualTokenCount
    #expect(both.dimensions.virtualTokenCount == tokens.map { $0 * 2 })
    #expect(encoder.dimensions.virtualTokenCount * 2 == both.dimensions.virtualTokenCount)
  }

  @Test("memory of the caller's gets the same bytes, after what it holds already")
  func callersMemory() throws {
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-rank4"))
    let input = try PromptInput(taskIDs: [0, 2, 1], for: embedding.dimensions)
    for dtype in [DType.float32, .float64, .bfloat16, .float16] {
      let expected = try embedding.forward(input, dtype: dtype).bytes
      let count = try embedding.outputByteCount(of: input, dtype: dtype)
      #expect(count == expected.count)
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count + 3, alignment: 1)
      defer { memory.deallocate() }
      var output = OutputRawSpan(buffer: memory, initializedCount: 0)
      for byte in 1...3 { output.append(UInt8(byte)) }
      try embedding.forward(input, dtype: dtype, into: &output)
      #expect(output.finalize(for: memory) == count + 3)
      #expect(Array(memory) == [1, 2, 3] + expected)
    }
  }

  @Test("too little room is an error, and nothing is written")
  func tooLittleRoom() throws {
    let embedding = try MultitaskPromptEmbedding(path: Fixtures.adapter("mpt-rank4"))
    let input = try PromptInput(taskIDs: [0], for: embedding.dimensions)
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: try embedding.outputByteCount(of: input) - 1, alignment: 1)
    defer { memory.deallocate() }
    var output = OutputRawSpan(buffer: memory, initializedCount: 0)
    do throws(CheckpointError) {
      try embedding.forward(input, into: &output)
      Issue.record("there was room")
    } catch {
      #expect(error.code == .invalidArgument)
    }
    #expect(output.finalize(for: memory) == 0)
  }
}
