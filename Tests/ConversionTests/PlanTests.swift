// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Conversion
import Files
import Foundation
import Kernels
import SafeTensors
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

@Suite("Plans and what they come to (V1 to V33)")
struct PlanTests {
  let directory: TemporaryDirectory
  let source: String

  init() throws {
    directory = try TemporaryDirectory()
    source = try directory.write(
      RawSafeTensors(
        [
          RawSafeTensors.Tensor("layer.0.weight", [2, 3], floats: [1, 2, 3, 4, 5, 6.5]),
          RawSafeTensors.Tensor("layer.1.weight", [2], floats: [1e30, -0.0]),
          RawSafeTensors.Tensor("steps", [1], integers: [7]),
        ], metadata: ["format": "pt", "origin": "here"]
      ).encoded(), to: "a.safetensors")
  }

  private func options(
    _ format: any CheckpointFormat = .safetensors,
    _ change: (inout ConversionOptions) throws -> Void
  ) rethrows -> ConversionOptions {
    var options = ConversionOptions(format: format, policy: OutputPolicy(synchronizes: false))
    try change(&options)
    return options
  }

  private func convert(
    to name: String = "b.safetensors", _ options: ConversionOptions
  ) throws -> (path: String, outcome: ConversionOutcome) {
    let path = directory.path(name)
    return (
      path, try ConversionJob(source: source, destination: path, options: options).run()
    )
  }

  @Test("metadata that holds a scale is not lost in silence (V34)")
  func loraMetadata() throws {
    let metadata = ["format": "pt", "lora_adapter_metadata": #"{"unet.lora_alpha": 8}"#]
    let file = RawSafeTensors([.init("a", [1], floats: [1])], metadata: metadata)
    let path = try directory.write(file.encoded(), to: "lora.safetensors")
    for format in CheckpointFormats.all where !format.holdsMetadata {
      let output = directory.path("lora-out")
      let job = ConversionJob(source: path, destination: output, options: options(format) { _ in })
      let error = #expect(throws: CheckpointError.self) { try job.plan() }
      #expect(error?.code == .unsupported && error?.path == path)
      #expect(error?.message.hasPrefix("its metadata has \"lora_adapter_metadata\"") == true)
      let dropping = options(format) { $0.metadata.drops = true }
      _ = try ConversionJob(source: path, destination: output, options: dropping).plan()
    }
    _ = try ConversionJob(
      source: path, destination: directory.path("x"), options: options { _ in }
    ).plan()
  }

  @Test("a file of slices is not converted (Q25)")
  func slices() throws {
    let metadata = ["DCP_SHARDING_INFO": #"{"a": {"saved_offsets": [3]}}"#]
    let file = RawSafeTensors([.init("a", [1], floats: [1])], metadata: metadata)
    let path = try directory.write(file.encoded(), to: "slice.safetensors")
    let job = ConversionJob(
      source: path, destination: directory.path("x"), options: options { _ in })
    let error = #expect(throws: CheckpointError.self) { try job.plan() }
    #expect(error?.code == .unsupported && error?.path == path)
  }

  @Test("a plan's places are those of the file (V1)", arguments: CheckpointFormats.all.map(\.name))
  func places(name: String) throws {
    let format = try #require(CheckpointFormats.format(named: name))
    let options = options(format) {
      if name == "npy" { $0.selection.included = [GlobPattern("steps")] }
    }
    let path = directory.path("out")
    let plan = try ConversionJob(source: source, destination: path, options: options).plan()
    guard case .weights(let weights) = plan.files[0].contents else {
      Issue.record("the file must hold weights")
      return
    }
    let layout = try weights.layout()
    #expect(try !directory.names.contains("out"))
    let outcome = try plan.execute()
    let (before, after) = (try bytes(of: source), try bytes(of: path))
    #expect(layout.byteCount == after.count && outcome.byteCount == after.count)
    #expect(layout.tensors.count == (name == "npy" ? 1 : 3))
    for tensor in layout.tensors {
      let from = try #require(tensor.source.range)
      let to = try #require(tensor.range)
      #expect(before[from] == after[to])
    }
  }

  @Test("floating-point tensors are cast, others stay; the last rule decides (V12, V13)")
  func casts() throws {
    let (path, outcome) = try convert(
      options {
        $0.casts = [
          CastRule(dtype: .bfloat16),
          CastRule(pattern: GlobPattern("*.1.*"), dtype: .float16),
        ]
      })
    let file = try RawSafeTensors(path: path)
    #expect(
      file.tensors.map { "\($0.name) \($0.dtype)" } == [
        "steps I64", "layer.0.weight BF16", "layer.1.weight F16",
      ])
    // 1, 2, 3, 4, 5 and 6.5 are exact; 1e30 is beyond F16.
    #expect(
      file.tensors[1].bytes == [
        0x80, 0x3F, 0x00, 0x40, 0x40, 0x40, 0x80, 0x40, 0xA0, 0x40, 0xD0, 0x40,
      ])
    #expect(file.tensors[2].bytes == [0x00, 0x7C, 0x00, 0x80])
    let overflow = outcome.casts.first { $0.name == "layer.1.weight" }
    #expect(overflow?.counts.infiniteFromFinite == 1)
  }

  @Test("what an integer does not hold is refused, and nothing is written (V15)")
  func refusedCast() throws {
    let error = #expect(throws: CheckpointError.self) {
      try convert(options { $0.casts = [CastRule(pattern: GlobPattern("*"), dtype: .int32)] })
    }
    #expect(error?.tensor == "layer.1.weight")
    #expect(error?.path == source)
    #expect(try directory.names == ["a.safetensors"])
  }

  /// In torch `tied` is the same parameter as `weight`.
  @Test(
    "a second name is left out only where the first is written (V29)",
    arguments: [
      ([], [], ["weight"], ["tied": "weight"]),
      (["weight"], [], ["tied"], [:]),
      ([], [CastRule(pattern: GlobPattern("tied"), dtype: .float16)], ["weight", "tied"], [:]),
      ([], [CastRule(dtype: .float16)], ["weight"], ["tied": "weight"]),
    ] as [([String], [CastRule], [String], [String: String])])
  func aliases(
    excluded: [String], casts: [CastRule], written: [String], noted: [String: String]
  ) throws {
    let options = options {
      $0.dropsAliases = true
      $0.selection.included = [GlobPattern("weight"), GlobPattern("tied")]
      $0.selection.excluded = excluded.map { GlobPattern($0) }
      $0.casts = casts
    }
    let path = directory.path("b.safetensors")
    let source = Fixtures.path("torch/written/parameters-2.1.2.bin")
    _ = try ConversionJob(source: source, destination: path, options: options).run()
    let file = try RawSafeTensors(path: path)
    #expect(Set(file.tensors.map(\.name)) == Set(written))
    #expect(file.metadata == noted.merging(["format": "pt"]) { $1 })
  }

  @Test("names are selected in the source and then rewritten (V8, V10)")
  func selection() throws {
    let (path, _) = try convert(
      try options {
        $0.selection.included = [GlobPattern("layer.*")]
        $0.selection.excluded = [GlobPattern("*.1.*")]
        $0.selection.replacements = [
          try NameReplacement(parsing: #"layer\.(\d+)=h.\1"#),
          try NameReplacement(parsing: "^h=model.h"),
        ]
      })
    #expect(try RawSafeTensors(path: path).tensors.map(\.name) == ["model.h.0.weight"])
  }

  @Test("nothing left, and two of one name, are refused (V9, V11)")
  func refusedSelection() throws {
    let nothing = #expect(throws: CheckpointError.self) {
      try convert(options { $0.selection.included = [GlobPattern("x")] })
    }
    #expect(nothing?.code == .missing)
    let collision = #expect(throws: CheckpointError.self) {
      try convert(
        try options { $0.selection.replacements = [try NameReplacement(parsing: #"\d="#)] })
    }
    #expect(collision?.code == .mismatch)
    #expect(try directory.names == ["a.safetensors"])
  }

  @Test("metadata is dropped, then set (V16)")
  func metadata() throws {
    let (path, _) = try convert(
      options {
        $0.metadata.drops = true
        $0.metadata.entries = [ArchiveMetadata.Entry(key: "a", value: "b=c")]
      })
    #expect(try RawSafeTensors(path: path).metadata == ["a": "b=c"])
  }

  @Test("what torch cannot say of itself is told (V17)")
  func droppedMetadata() throws {
    let (_, outcome) = try convert(to: "b.bin", options(.torch) { _ in })
    #expect(outcome.report.droppedMetadata == ["origin"])
  }

  @Test("a file is split into shards with an index, and read as one again (V19, V21, V22)")
  func shards() throws {
    let (path, _) = try convert(to: "split", options { $0.shardByteCount = 24 })
    let names = try TestSupport.files(below: path)
    #expect(
      names == [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ])
    let whole = directory.path("whole.safetensors")
    _ = try ConversionJob(
      source: path + "/model.safetensors.index.json", destination: whole, options: options { _ in }
    ).run()
    func data(_ path: String) throws -> [String: [UInt8]] {
      try Dictionary(
        uniqueKeysWithValues: RawSafeTensors(path: path).tensors.map { ($0.name, $0.bytes) })
    }
    #expect(try data(whole) == data(source))
    // A directory keeps its shards.
    _ = try ConversionJob(
      source: path, destination: directory.path("again"), options: options { _ in }
    ).run()
    #expect(try TestSupport.files(below: directory.path("again")) == names)
  }

  @Test("a source that is written to meanwhile gives no output (V2)", arguments: [false, true])
  func changedSource(isCopied: Bool) throws {
    let big = RawSafeTensors([.init("t", [50_000], floats: [Float](repeating: 1, count: 50_000))])
    let copy = try AdapterCopy(of: "lora")
    let changed = copy.path + (isCopied ? "/notes.txt" : "/adapter_model.safetensors")
    try Data(big.encoded()).write(to: URL(fileURLWithPath: changed))
    let out = directory.path("out")
    let plan = try ConversionJob(
      source: copy.path, destination: out, options: options { _ in }
    ).plan()
    let handle = try #require(FileHandle(forWritingAtPath: changed))
    let watcher = Meddler {
      try? handle.seek(toOffset: 100_000)
      try? handle.write(contentsOf: Data([1]))
    }
    if isCopied {
      // What is copied is opened when its turn comes.
      _ = try plan.execute(watcher: watcher)
      #expect(try TestSupport.files(below: out).contains("notes.txt"))
    } else {
      let error = #expect(throws: CheckpointError.self) { try plan.execute(watcher: watcher) }
      #expect(error?.code == .mismatch && error?.path == changed)
      #expect(error?.message == "was changed by another program")
      #expect(try directory.names.allSatisfy { !$0.hasPrefix("out") && !$0.hasPrefix(".out") })
    }
  }

  /// Does something when the first tensor is seen.
  private final class Meddler: TensorWatcher, @unchecked Sendable {
    final class Nothing: ByteObserver {
      func observe(_ span: RawSpan) {}
    }
    private var act: (() -> Void)?
    init(_ act: @escaping () -> Void) { self.act = act }
    func watch(_ tensor: TensorInfo) -> any ByteObserver {
      act?()
      act = nil
      return Nothing()
    }
    func finish(_ tensor: TensorInfo, shownTo observer: any ByteObserver) {}
  }

  @Test("an adapter is not split (V23)")
  func adapterInShards() throws {
    let error = #expect(throws: CheckpointError.self) {
      try ConversionJob(
        source: Fixtures.adapter("lora"), destination: directory.path("out"),
        options: options { $0.shardByteCount = 1000 }
      ).run()
    }
    #expect(error?.code == .unsupported)
  }

  @Test("what is inside an adapter is converted where that is asked for, else copied (L16, B3)")
  func innerDirectories() throws {
    let copy = try AdapterCopy(of: "lora")
    _ = try ConversionJob(
      source: Fixtures.adapter("lora"), destination: copy.path + "/other", options: options { _ in }
    ).run()
    let model = copy.path + "/other/base"
    try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: false)
    try FileManager.default.copyItem(
      atPath: copy.path + "/adapter_model.safetensors", toPath: model + "/model.safetensors")
    try Data("{}".utf8).write(to: URL(fileURLWithPath: model + "/config.json"))
    for convertsInner in [false, true] {
      let out = directory.path("out-\(convertsInner)")
      _ = try ConversionJob(
        source: copy.path, destination: out,
        options: options(.torch) { $0.convertsInnerDirectories = convertsInner }
      ).run()
      let names = Set(try TestSupport.files(below: out))
      #expect(names.contains("adapter_model.bin"))
      #expect(names.contains("other/adapter_model.bin") == convertsInner)
      #expect(names.contains("other/adapter_model.safetensors") == !convertsInner)
      #expect(names.contains("other/base/pytorch_model.bin") == convertsInner)
      #expect(names.contains("other/base/model.safetensors") == !convertsInner)
      #expect(names.contains("other/base/config.json"))
    }
  }
}

@Suite("Watching tensors (V30)")
struct WatcherTests {
  /// Gathers what it is shown.
  final class Recorder: TensorWatcher, @unchecked Sendable {
    final class Bytes: ByteObserver {
      var bytes: [UInt8] = []
      func observe(_ span: RawSpan) {
        span.withUnsafeBytes { bytes += $0 }
      }
    }
    var tensors: [(name: String, dtype: DType, bytes: [UInt8])] = []

    func watch(_ tensor: TensorInfo) -> any ByteObserver { Bytes() }
    func finish(_ tensor: TensorInfo, shownTo observer: any ByteObserver) {
      tensors.append((tensor.name.string, tensor.dtype, (observer as? Bytes)?.bytes ?? []))
    }
  }

  @Test("they are seen as they are written", arguments: CheckpointFormats.all.map(\.name))
  func watching(name: String) throws {
    let format = try #require(CheckpointFormats.format(named: name))
    let directory = try TemporaryDirectory()
    let source = try directory.write(
      RawSafeTensors([RawSafeTensors.Tensor("w", [3], floats: [1, 2, -3])]).encoded(),
      to: "a.safetensors")
    var options = ConversionOptions(format: format, policy: OutputPolicy(synchronizes: false))
    options.casts = [CastRule(dtype: .bfloat16)]
    let recorder = Recorder()
    _ = try ConversionJob(
      source: source, destination: directory.path("out"), options: options
    ).plan().execute(watcher: recorder)
    let seen = try #require(recorder.tensors.first)
    #expect(recorder.tensors.count == 1 && seen.name == "w")
    #expect(seen.dtype == (name.hasPrefix("np") ? .uint16 : .bfloat16))
    #expect(seen.bytes == [0x80, 0x3F, 0x00, 0x40, 0x40, 0xC0])
  }
}
