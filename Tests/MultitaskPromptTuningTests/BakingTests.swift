// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import JSONDocument
import MultitaskPromptTuning
import NumPyArchive
import PEFT
import TestSupport
import Tensors
import Testing

@Suite("Baking")
struct BakingTests {
  @Test(
    "a baked prompt is what the forward computes (O20, O21)",
    arguments: [
      "mpt-causal-lm", "mpt-rank4", "mpt-seq2seq", "mpt-bf16", "mpt-f64", "mpt-one-token",
    ])
  func prompts(name: String) throws {
    let adapter = try MultitaskPromptAdapter(path: Fixtures.adapter(name))
    for task in 0..<adapter.dimensions.taskCount {
      let input = try PromptInput(taskIDs: [task], for: adapter.dimensions)
      let prompt = try adapter.prompt(ofTask: task)
      #expect(try prompt.bytes == adapter.embedding.forward(input).bytes)
      let half = try adapter.prompt(ofTask: task, dtype: .bfloat16)
      let rounded = values(prompt.bytes, .float32).map {
        UInt16(
          truncatingIfNeeded: ($0.isZero
            ? 0
            : Float($0).bitPattern &+ 0x7FFF
              &+ (Float($0).bitPattern >> 16 & 1)) >> 16)
      }
      #expect(
        values(half.bytes, .bfloat16) == values(rounded.flatMap(littleEndian), .bfloat16))
    }
  }

  @Test("the adapter that is written opens as prompt tuning, with its heads (O22, O23)")
  func directory() throws {
    let output = try TemporaryDirectory()
    let source = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-seq-cls"))
    try source.baking(task: 1).write(to: output.path("baked"))
    let baked = try Adapter(path: output.path("baked"))
    #expect(try baked.config.peftType == .promptTuning)
    #expect(baked.config.document.count == 17)
    #expect(
      baked.config.document["modules_to_save"] == source.adapter.config.document["modules_to_save"])
    #expect(
      Set(baked.weights.tensors.map(\.name.string))
        == ["prompt_embeddings", "base_model.score.weight"])
    let raw = try RawSafeTensors(path: output.path("baked/adapter_model.safetensors"))
    let old = try RawSafeTensors(
      path: Fixtures.adapter("mpt-seq-cls") + "/adapter_model.safetensors")
    let head = { (file: RawSafeTensors) in
      file.tensors.first { $0.name == "base_model.score.weight" }?.bytes
    }
    #expect(head(raw) == head(old))
    #expect(raw.metadata == ["format": "pt"])
  }

  @Test("rows that prompt tuning does not use are noted (O25)")
  func unusedRows() throws {
    let pair = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-seq2seq"))
    let count = pair.dimensions.virtualTokenCount
    #expect(pair.bakingNote?.contains("the first \(count / 2) of the \(count) rows") == true)
    for name in ["mpt-seq2seq-encoder-only", "mpt-causal-lm"] {
      #expect(try MultitaskPromptAdapter(path: Fixtures.adapter(name)).bakingNote == nil)
    }
  }

  @Test("every task, as adapters or as arrays (O24)")
  func everyTask() throws {
    let output = try TemporaryDirectory()
    let source = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-causal-lm"))
    try source.bakeAllTasks(to: output.path("adapters"))
    try source.bakeAllTasks(to: output.path("arrays"), as: NpyFormat())
    #expect(
      try files(below: output.path("adapters")).count == 2 * source.dimensions.taskCount)
    #expect(
      try files(below: output.path("arrays")) == ["task-0.npy", "task-1.npy", "task-2.npy"])
    let array = try bytes(of: output.path("arrays/task-2.npy"))
    let prompt = try source.prompt(ofTask: 2)
    #expect(array.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]))
    #expect((array.count - prompt.bytes.count).isMultiple(of: 64))
    #expect(Array(array.suffix(prompt.bytes.count)) == prompt.bytes)
  }

  @Test("what cannot be baked is named, and leaves nothing (O20)")
  func refusals() throws {
    let output = try TemporaryDirectory()
    let good = try SmallAdapter(columns: [3e38], rows: [3e38], embeddings: [1])
    let bad = try SmallAdapter(columns: [1], rows: [.nan], embeddings: [1])
    let large = try SmallAdapter(columns: [1e5], rows: [1], embeddings: [1])
    for (adapter, task, dtype, message) in [
      (good, 1, .float32, "no task 1"), (good, -1, .float32, "no task -1"),
      (good, 0, .int64, "not in I64"), (good, 0, .float32, "does not fit F32"),
      (bad, 0, .float32, "prefix_task_rows"), (large, 0, .float16, "does not fit F16"),
    ] as [(SmallAdapter, Int, DType, String)] {
      let error = #expect(throws: CheckpointError.self) {
        try MultitaskPromptAdapter(path: adapter.directory.path).baking(task: task, dtype: dtype)
          .write(to: output.path("out"))
      }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
    let array = #expect(throws: CheckpointError.self) {
      try MultitaskPromptAdapter(path: large.directory.path).prompt(ofTask: 0, dtype: .bfloat16)
        .write(as: .npy, to: output.path("out.npy"))
    }
    #expect(array?.code == .unsupported)
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    let holder = #expect(throws: CheckpointError.self) {
      try MultitaskPromptAdapter(path: copy.path).baking(task: 0)
        .write(to: copy.directory.path, policy: OutputPolicy(replacesExisting: true))
    }
    #expect(holder?.code == .invalidArgument)
    #expect(try output.names.isEmpty)
  }
}
