// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// A tree to convert, and a place for its conversions.
private final class Tree {
  let directory: TemporaryDirectory
  var source: String { directory.path("in") }
  var destination: String { directory.path("out") }
  var manifest: String { directory.path("out/peftkit-manifest.jsonl") }

  init() throws {
    directory = try TemporaryDirectory()
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
  }

  func addFile(_ name: String, _ value: Float = 1) throws {
    try directory.write(
      RawSafeTensors([.init("t", [2], floats: [value, 2])]).encoded(), to: "in/" + name)
  }

  func addAdapter(_ name: String, of fixture: String = "mpt-one-token") throws {
    try FileManager.default.copyItem(
      atPath: Fixtures.adapter(fixture), toPath: source + "/" + name)
  }

  func convert(_ arguments: String...) throws -> Run {
    try peftkit(["convert", "--recursive", source, destination, "--no-sync"] + arguments)
  }

  func records() throws -> [[String: Any]] {
    try String(contentsOfFile: manifest, encoding: .utf8).split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
    }
  }
}

@Suite("convert --recursive")
struct BulkTests {
  private let tree: Tree

  init() throws { tree = try Tree() }

  @Test("a tree of adapters comes out the same, with a summary (B26, B28)")
  func adapters() throws {
    for name in ["mpt-causal-lm", "mpt-seq-cls", "lora"] { try tree.addAdapter(name, of: name) }
    try tree.addFile("x.bin")
    let run = try tree.convert()
    #expect(run.exitCode == 0)
    #expect(run.errors.isEmpty)
    var lines = run.output.components(separatedBy: "\n")
    let time = lines.remove(at: 7)
    #expect(time.wholeMatch(of: /\ \ time       \d+:\d\d(, .*\/s)?/) != nil, "\(time)")
    let read = try ["mpt-causal-lm", "mpt-seq-cls", "lora"].reduce(
      try bytes(of: tree.source + "/x.bin").count
    ) { try $0 + bytes(of: Fixtures.adapter($1) + "/adapter_model.safetensors").count }
    #expect(
      Array(lines.prefix(5)) == [
        "\(tree.source) to \(tree.destination)", "  found      4", "  converted  4",
        "  unchanged  0", "  failed     0",
      ])
    #expect(read > 1000 && lines[5].hasPrefix("  read       "))
    #expect(lines[7...] == ["  manifest   \(tree.manifest)", ""])
    for name in ["mpt-causal-lm", "mpt-seq-cls", "lora"] {
      #expect(
        try contents(of: tree.destination + "/" + name) == contents(of: Fixtures.adapter(name)))
    }
  }

  @Test("digests are those that inspect prints (B10)")
  func digests() throws {
    try tree.addAdapter("a")
    try tree.addFile("x.bin")
    #expect(try tree.convert().exitCode == 0)
    for record in try tree.records() {
      let path = tree.source + "/" + (record["source"] as? String ?? "")
      let printed = try peftkit("inspect", path, "--digest", "--json").json()["digest"] as? String
      #expect(record["digest"] as? String == printed)
      #expect(printed?.hasPrefix("sha256:") == true)
    }
  }

  @Test("one bad file is told, the rest is converted, the exit code is 1 (B26, B27, B28)")
  func failures() throws {
    try tree.addAdapter("a")
    let pointer = Array("version https://git-lfs.github.com/spec/v1\n".utf8)
    try tree.directory.write(pointer, to: "in/x.bin")
    try tree.addFile("y.bin")
    try tree.addFile("y.pt")
    let run = try tree.convert("--json")
    #expect(run.exitCode == 1)
    let errors = run.errors.split(separator: "\n").map(String.init).sorted()
    #expect(errors.count == 6)
    #expect(errors.filter { $0.hasPrefix("hint: ") }.count == 3)
    #expect(errors.contains { $0.hasPrefix("error: \(tree.source)/x.bin: is a Git LFS pointer") })
    #expect(
      errors.contains(
        "error: \(tree.source)/y.bin: conflicts with y.pt: both would become y.safetensors"))
    let json = try run.json()
    #expect(
      Set(json.keys) == [
        "source", "destination", "manifest", "shard", "holds", "found", "converted", "unchanged",
        "failed", "unreadable", "bytes_read", "bytes_written", "seconds",
      ])
    #expect(json["found"] as? Int == 4)
    #expect(json["converted"] as? Int == 1)
    #expect(json["failed"] as? Int == 3)
    #expect(json["unreadable"] as? Int == 0)
    #expect(json["holds"] as? Bool == false)
    #expect(json["shard"] is NSNull)
    #expect(json["manifest"] as? String == tree.manifest)
    #expect(
      json["bytes_read"] as? Int
        == (try bytes(of: Fixtures.adapter("mpt-one-token") + "/adapter_model.safetensors").count))
    // Again, with what was done kept.
    let again = try tree.convert("--resume", "--json")
    #expect(again.exitCode == 1)
    #expect(try again.json()["unchanged"] as? Int == 1)
  }

  @Test("what cannot begin is exit code 2, with nothing on standard output (B8, B12, B28)")
  func refusals() throws {
    try tree.addFile("x.bin")
    #expect(try tree.convert().exitCode == 0)
    let run = try tree.convert()
    #expect(run.exitCode == 2)
    #expect(run.output.isEmpty)
    #expect(
      run.errors == "error: \(tree.manifest): already exists\n"
        + "hint: --resume continues it, --force starts again\n")
    #expect(try tree.convert("--force").exitCode == 0)
    let missing = try peftkit("convert", "--recursive", tree.directory.path("no"), tree.destination)
    #expect(missing.exitCode == 2)
    let nested = try peftkit("convert", "--recursive", tree.source, tree.source + "/x")
    #expect(nested.exitCode == 2)
    #expect(
      nested.errors
        == "error: \(tree.source)/x: is inside \(tree.source), the tree being converted\n")
    let manifest = try tree.convert("--resume", "--manifest", tree.directory.path("no/x"))
    #expect(manifest.exitCode == 2)
    #expect(manifest.output.isEmpty)
  }

  @Test("a manifest where an output is written is refused, and nothing is (B13)")
  func manifestAmongOutputs() throws {
    try tree.addAdapter("a")
    try tree.addFile("x.bin")
    for place in ["a", "a/adapter_config.json", "a/new.jsonl", "x.safetensors", "x.safetensors/y"] {
      let path = tree.destination + "/" + place
      let run = try tree.convert("--manifest", path)
      #expect(run.exitCode == 2, "\(place)")
      #expect(run.errors.hasPrefix("error: \(path): cannot be the manifest: "), "\(run.errors)")
      #expect(!FileManager.default.fileExists(atPath: tree.destination))
    }
    #expect(try tree.convert("--manifest", tree.destination + "/m.jsonl").exitCode == 0)
  }

  @Test("a config that names its weights makes a directory a model (B2)")
  func namedWeights() throws {
    let weights = try bytes(of: Fixtures.adapter("lora") + "/adapter_model.safetensors")
    let config = #"{"model_type": "llama", "transformers_weights": "x.safetensors"}"#
    for directory in ["m/inner", "empty"] {
      try FileManager.default.createDirectory(
        atPath: tree.source + "/" + directory, withIntermediateDirectories: true)
    }
    for directory in ["m", "m/inner"] {
      try tree.directory.write(weights, to: "in/\(directory)/x.safetensors")
      try tree.directory.write(Array(config.utf8), to: "in/\(directory)/config.json")
    }
    try tree.directory.write(Array(config.utf8), to: "in/empty/config.json")
    #expect(try tree.convert().exitCode == 0)
    #expect(
      try files(below: tree.destination) == [
        "m/config.json", "m/inner/config.json", "m/inner/model.safetensors", "m/model.safetensors",
        "peftkit-manifest.jsonl",
      ])
    #expect(try tree.records().map { $0["kind"] as? String } == ["model"])
    let again = try tree.convert("--resume", "--json").json()
    #expect(again["unchanged"] as? Int == 1)
  }

  @Test("--resume with other options converts again what an earlier run wrote (B18)")
  func otherOptions() throws {
    try tree.addAdapter("a")
    try tree.addFile("x.bin")
    try tree.addFile("y.bin")
    #expect(try tree.convert().exitCode == 0)
    // An output of somebody else is kept.
    let other = tree.destination + "/y.safetensors"
    try FileManager.default.removeItem(atPath: other)
    try FileManager.default.copyItem(
      atPath: Fixtures.adapter("lora") + "/adapter_model.safetensors", toPath: other)
    let run = try tree.convert("--resume", "--dtype", "bfloat16", "--json")
    #expect(run.exitCode == 1)
    let json = try run.json()
    #expect(json["converted"] as? Int == 2)
    #expect(json["failed"] as? Int == 1)
    #expect(run.errors.contains("y.safetensors: is not what"))
    let weights = try RawSafeTensors(path: tree.destination + "/a/adapter_model.safetensors")
    #expect(Set(weights.tensors.map(\.dtype)) == ["BF16"])
    let again = try tree.convert("--resume", "--dtype", "bfloat16", "--json").json()
    #expect(again["unchanged"] as? Int == 2)
  }

  @Test(
    "a wrong command line is exit code 64 (B28)",
    arguments: [
      ["--jobs", "2"], ["--resume"], ["--shard", "1/2"], ["--manifest", "m"], ["--json"],
      ["--recursive", "--jobs", "0"], ["--recursive", "--jobs", "1025"],
      ["--recursive", "--shard", "0/2"], ["--recursive", "--shard", "3/2"],
      ["--recursive", "--shard", "x"],
    ])
  func usage(arguments: [String]) throws {
    let run = try peftkit(["convert", tree.source, tree.destination] + arguments)
    #expect(run.exitCode == 64)
    #expect(run.output.isEmpty)
    if arguments.contains("0/2") {
      #expect(run.errors.contains("$((SLURM_ARRAY_TASK_ID + 1))"))
    }
    #expect(try tree.directory.names == ["in"])
  }

  @Test("shards together are the whole, each with its own manifest (B9, B20, B22)")
  func shards() throws {
    for index in 0..<12 { try tree.addFile("\(index).bin", Float(index)) }
    var found = 0
    for number in 1...3 {
      let run = try tree.convert("--shard", "\(number)/3", "--json", "--jobs", "1")
      #expect(run.exitCode == 0)
      let json = try run.json()
      found += json["found"] as? Int ?? 0
      #expect(json["shard"] as? String == "\(number)/3")
      #expect(
        json["manifest"] as? String
          == tree.destination + "/peftkit-manifest-\(number)-of-3.jsonl")
    }
    #expect(found == 12)
    #expect(try files(below: tree.destination).filter { $0.hasSuffix(".safetensors") }.count == 12)
    let again = try tree.convert("--resume", "--json").json()
    #expect(again["unchanged"] as? Int == 12)
  }

  @Test("a dry run lists the units, of a shard too, and makes nothing (B29)")
  func dryRun() throws {
    try tree.addAdapter("a")
    for index in 0..<6 { try tree.addFile("\(index).bin") }
    try tree.addFile("0.pt")
    let whole = try tree.convert("--dry-run")
    #expect(whole.exitCode == 0)
    let lines = whole.output.split(separator: "\n").map(String.init)
    #expect(lines.count == 6)
    #expect(lines.last == "\(tree.source)/a would become the adapter \(tree.destination)/a")
    #expect(whole.errors.contains("0.bin: conflicts with 0.pt: both would become 0.safetensors"))
    let parts = try (1...2).flatMap {
      try tree.convert("--dry-run", "--shard", "\($0)/2").output.split(separator: "\n")
        .map(String.init)
    }
    #expect(parts.sorted() == lines.sorted())
    #expect(try tree.directory.names == ["in"])
  }

  @Test("the options of convert hold for each (B4, B10)")
  func options() throws {
    try tree.addFile("x.safetensors")
    #expect(try tree.convert("--to", "torch").exitCode == 0)
    #expect(try files(below: tree.destination) == ["peftkit-manifest.jsonl", "x.bin"])
    #expect(try bytes(of: tree.destination + "/x.bin").starts(with: Array("PK".utf8)))
  }
}

/// A run whose manifest is a pipe: it stands still when the pipe is full, until somebody reads.
private final class PacedRun {
  let process = Process()
  let pipe: FileHandle
  let errors: String

  init(_ tree: Tree, _ arguments: [String], hasReader: Bool = true) throws {
    let path = tree.directory.path("pipe")
    guard mkfifo(path, 0o600) == 0 else { throw CocoaError(.fileWriteUnknown) }
    let descriptor = open(hasReader ? path : "/dev/null", O_RDONLY | O_NONBLOCK)
    pipe = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    errors = try tree.directory.write([], to: "errors")
    process.executableURL = URL(fileURLWithPath: Tool.path)
    process.arguments =
      ["convert", "--recursive", tree.source, tree.destination, "--no-sync", "--force"]
      + ["--manifest", path] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: errors)
    // Threads of tests block signals, and what they start would inherit that.
    var signals = sigset_t()
    var before = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  /// Waits until `count` outputs are there.
  func wait(for count: Int, in directory: String) throws {
    while process.isRunning {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      if names.filter({ $0.hasSuffix(".safetensors") }).count >= count { return }
      usleep(2000)
    }
  }

  /// Everything that was written so far, and is not read.
  func drain() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(pipe.fileDescriptor, &buffer, buffer.count)
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }
}

@Suite("convert --recursive, interrupted")
struct BulkInterruptionTests {
  /// More lines than a pipe holds, which are 64 KiB.
  private static let count = 400

  private func tree() throws -> Tree {
    let tree = try Tree()
    for index in 0..<Self.count { try tree.addFile("\(index).bin", Float(index)) }
    return tree
  }

  /// Resumes, and checks that everything is as if nothing had happened.
  private func finish(_ tree: Tree, from manifest: [UInt8]) throws {
    try Data(manifest).write(to: URL(fileURLWithPath: tree.manifest))
    let written = try tree.directory.names(in: "out").filter { $0.hasSuffix(".safetensors") }.count
    let run = try tree.convert("--resume", "--json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let json = try run.json()
    #expect(json["unchanged"] as? Int == written)
    #expect(json["converted"] as? Int == Self.count - written)
    for index in 0..<Self.count {
      let output = try RawSafeTensors(path: tree.destination + "/\(index).safetensors")
      #expect(output["t"]?.bytes.prefix(4) == littleEndian(Float(index).bitPattern)[...])
    }
  }

  @Test("a signal ends the wait for the reader of a pipe (B25)")
  func waiting() throws {
    let tree = try Tree()
    try tree.addFile("a.bin")
    let run = try PacedRun(tree, [], hasReader: false)
    // The root is made just before the manifest is opened.
    while run.process.isRunning, !FileManager.default.fileExists(atPath: tree.destination) {
      usleep(2000)
    }
    usleep(200_000)
    run.process.terminate()
    for _ in 0..<600 where run.process.isRunning { usleep(50_000) }
    #expect(!run.process.isRunning)
    // A second signal ends any process.
    run.process.terminate()
    run.process.waitUntilExit()
    #expect(run.process.terminationReason == .uncaughtSignal)
    #expect(run.process.terminationStatus == SIGTERM)
  }

  @Test("a signal ends the run between units, and the run by the signal (B25)", arguments: [1, 3])
  func terminated(jobs: Int) throws {
    let tree = try tree()
    let run = try PacedRun(tree, ["--jobs", "\(jobs)"])
    try run.wait(for: 20, in: tree.destination)
    run.process.terminate()
    var manifest = run.drain()
    while run.process.isRunning {
      usleep(1000)
      manifest += run.drain()
    }
    run.process.waitUntilExit()
    manifest += run.drain()
    #expect(run.process.terminationReason == .uncaughtSignal)
    #expect(run.process.terminationStatus == SIGTERM)
    let errors = String(decoding: try bytes(of: run.errors), as: UTF8.self)
    #expect(
      errors == "error: \(tree.source): was interrupted; the manifest contains the finished units\n"
        + "hint: --resume continues from there\n")
    let names = try tree.directory.names(in: "out")
    #expect(names.allSatisfy { $0.hasSuffix(".safetensors") })
    // All that is there stands in the manifest, and not everything is there.
    let lines = String(decoding: manifest, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == names.count)
    #expect(lines.count >= 20 && lines.count < Self.count)
    try finish(tree, from: manifest)
  }

  @Test("a run that was killed is resumed, its last line torn (B11, B15)")
  func killed() throws {
    let tree = try tree()
    let run = try PacedRun(tree, ["--jobs", "2"])
    try run.wait(for: 30, in: tree.destination)
    kill(run.process.processIdentifier, SIGKILL)
    run.process.waitUntilExit()
    let manifest = run.drain()
    #expect(!manifest.isEmpty)
    try finish(tree, from: Array(manifest.dropLast(17)))
  }
}

extension TemporaryDirectory {
  fileprivate func names(in name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(name))
  }
}
