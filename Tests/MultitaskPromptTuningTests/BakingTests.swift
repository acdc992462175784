// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import Foundation
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
    #expect(
      pair.bakingNotes().first?.contains("the first \(count / 2) of the \(count) rows") == true)
    for name in ["mpt-seq2seq-encoder-only", "mpt-causal-lm"] {
      #expect(try MultitaskPromptAdapter(path: Fixtures.adapter(name)).bakingNotes().isEmpty)
    }
  }

  @Test("every task, as adapters or as arrays (O24)")
  func everyTask() throws {
    let output = try TemporaryDirectory()
    let source = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-causal-lm"))
    try source.bakeAllTasks(to: output.path("adapters"))
    try source.bakeAllTasks(to: output.path("arrays"), as: .checkpoint(NpyFormat()))
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

  @Test("a tensor alone has the bytes of torch.save, also in base64 (O26, O27)")
  func bareTensor() throws {
    let output = try TemporaryDirectory()
    let prompt = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-causal-lm"))
      .prompt(ofTask: 1)
    try prompt.write(as: .tensor, to: output.path("p.pt"))
    try prompt.write(as: .promptEmbeds, to: output.path("p.b64"))
    let archive = try Checkpoint.open(path: output.path("p.pt"))
    #expect(archive.tensors.map(\.name) == ["tensor"])
    #expect(archive.tensors.map(\.shape) == [prompt.shape])
    let values = try archive.withTensor(at: 0) { $0.bytes.array(0..<$0.bytes.byteCount) }
    #expect(values == prompt.bytes)
    let text = try String(decoding: bytes(of: output.path("p.b64")), as: UTF8.self)
    let sent = try #require(Data(base64Encoded: text)).map(\.self)
    // torch names the folder inside a stream as it does for a file of this name.
    try prompt.write(as: .tensor, to: output.path("archive.pt"))
    #expect(try bytes(of: output.path("archive.pt")) == sent)
  }

  @Test("the prefix store of TGIS has the rows before the input (O28)")
  func prefixStore() throws {
    let output = try TemporaryDirectory()
    let causal = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-causal-lm"))
    try causal.bakeAllTasks(to: output.path("store"), as: .prefix)
    #expect(
      try files(below: output.path("store"))
        == (0..<3).map { "task-\($0)/decoder.pt" })
    let pair = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-seq2seq"))
    let prompt = try pair.prompt(ofTask: 0)
    try prompt.write(as: .prefix, to: output.path("pair"))
    #expect(try files(below: output.path("pair")) == ["encoder.pt"])
    let archive = try Checkpoint.open(path: output.path("pair/encoder.pt"))
    let rows = try archive.withTensor(at: 0) { $0.bytes.array(0..<$0.bytes.byteCount) }
    #expect(rows == Array(prompt.bytes.prefix(prompt.bytes.count / 2)))
    #expect(pair.bakingNotes(as: .prefix).count == 1)
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
        .write(as: .checkpoint(.npy), to: output.path("out.npy"))
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
