// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Conversion
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing

@Suite("Bulk conversion")
struct BulkConversionTests {
  let tree: BulkTree

  init() throws { tree = try BulkTree() }

  @Test("what is good is converted, what is bad is told (B9, B10, B24)", arguments: [1, 4])
  func mixture(jobs: Int) throws {
    try tree.addAdapter("deep/er/adapter")
    try tree.addFile("a.bin")
    try tree.addFile("b.safetensors")
    try tree.write("bad.bin", [1, 2, 3])
    try tree.addFile("c/x.bin")
    try tree.addFile("c/x.pt")
    symlink("nowhere", tree.source + "/dangling.pt")
    let events = EventCounter()
    let summary = try tree.conversion(jobs: jobs).run { event in
      if case .unit(let record, _) = event { events.note(record.source.string) }
    }
    #expect(summary.found == 7)
    #expect(summary.converted == 3)
    #expect(summary.failed == 4)
    #expect(summary.unchanged == 0)
    #expect(!summary.holds)
    #expect(
      events.all == [
        "a.bin", "b.safetensors", "bad.bin", "c/x.bin", "c/x.pt", "dangling.pt",
        "deep/er/adapter",
      ])
    #expect(
      try files(below: tree.destination) == [
        "a.safetensors", "b.safetensors", "deep/er/adapter/README.md",
        "deep/er/adapter/adapter_config.json", "deep/er/adapter/adapter_model.safetensors",
        "peftkit-manifest.jsonl",
      ])
    let manifest = try tree.manifest()
    #expect(manifest.count == 7)
    let adapter = try #require(manifest["deep/er/adapter"])
    let weights = Fixtures.adapter("mpt-one-token") + "/adapter_model.safetensors"
    #expect(adapter["destination"] as? String == "deep/er/adapter")
    #expect(adapter["kind"] as? String == "adapter")
    #expect(adapter["outcome"] as? String == "converted")
    #expect(adapter["error"] is NSNull)
    #expect(adapter["source_bytes"] as? Int == (try bytes(of: weights).count))
    let file = try #require(manifest["a.bin"])
    #expect(file["destination"] as? String == "a.safetensors")
    #expect(file["kind"] as? String == "file")
    #expect(file["bytes"] as? Int == (try bytes(of: tree.destination + "/a.safetensors").count))
    #expect((file["digest"] as? String)?.hasPrefix("t F32 [2] 0 0 128 63") == true)
    let modified =
      try FileManager.default.attributesOfItem(atPath: tree.source + "/a.bin")[
        .modificationDate] as? Date
    let seconds = Double(file["source_modified"] as? Int ?? 0) / 1e9
    #expect(abs(seconds - (modified?.timeIntervalSince1970 ?? 0)) < 1e-3)
    let bad = try #require(manifest["bad.bin"])
    #expect(bad["outcome"] as? String == "failed")
    #expect((bad["error"] as? String)?.hasPrefix(tree.source + "/bad.bin: ") == true)
    #expect(bad["digest"] is NSNull && bad["bytes"] is NSNull)
    #expect((manifest["c/x.bin"]?["error"] as? String)?.contains("x.pt") == true)
  }

  @Test("an output that is there fails its unit, and is replaced with force (B12, B24)")
  func existing() throws {
    try tree.addFile("a.bin")
    try tree.addFile("b.bin")
    try FileManager.default.createDirectory(
      atPath: tree.destination, withIntermediateDirectories: true)
    try tree.directory.write([7], to: "out/a.safetensors")
    let summary = try tree.conversion().run()
    #expect(summary.converted == 1 && summary.failed == 1)
    #expect(try bytes(of: tree.destination + "/a.safetensors") == [7])
    let error = failure { () throws(CheckpointError) in _ = try tree.conversion().run() }
    #expect(error?.code == .alreadyExists)
    #expect(error?.path == tree.destination + "/peftkit-manifest.jsonl")
    #expect(error?.remedy == .resumeOrOverwrite)
    #expect(try tree.conversion(force: true).run().converted == 2)
    #expect(try tree.outcomes() == ["a.bin": "converted", "b.bin": "converted"])
  }

  @Test("a tree in the other is refused, and nothing is made (B8)")
  func nesting() throws {
    try tree.addFile("a/a.bin")
    symlink("in", tree.directory.path("link"))
    let cases = [
      (tree.source, tree.source), (tree.source, tree.source + "/new/er"),
      (tree.source, tree.directory.path("link")), (tree.source, tree.source + "/a"),
      (tree.source + "/a", tree.source), (tree.source, tree.directory.path("link/x")),
    ]
    for (source, destination) in cases {
      let conversion = BulkConversion(
        source: source, destination: destination,
        options: ConversionOptions(format: .safetensors), digest: contents)
      let error = failure { () throws(CheckpointError) in _ = try conversion.run() }
      #expect(error?.code == .invalidArgument, "\(source) \(destination)")
      #expect(error?.path == destination)
    }
    #expect(try files(below: tree.directory.path) == ["in/a/a.bin"])
    #expect(try tree.directory.names == ["in", "link"])
    let conversion = BulkConversion(
      source: tree.source + "/a/a.bin", destination: tree.destination,
      options: ConversionOptions(format: .safetensors), digest: contents)
    let error = failure { () throws(CheckpointError) in _ = try conversion.run() }
    #expect(error?.message == "is not a directory")
  }

  @Test("names that are not UTF-8 keep their bytes (B10, B15)")
  func otherNames() throws {
    try tree.addFile("plain.bin")
    try tree.write("damaged.bin", [1, 2, 3])
    try tree.addAdapter("adapter")
    // A pair of names that look the same as text.
    tree.rename("plain.bin", to: [0x61, 0xFF] + Array(".bin".utf8))
    try tree.addFile("plain.bin", 3)
    tree.rename("plain.bin", to: [0x61, 0xFE] + Array(".bin".utf8))
    tree.rename("damaged.bin", to: [0x64, 0xFF] + Array(".bin".utf8))
    tree.rename("adapter", to: [0x64, 0xC0])
    let summary = try tree.conversion(jobs: 1).run()
    #expect(summary.converted == 3 && summary.failed == 1)

    let text = try String(
      contentsOfFile: tree.destination + "/peftkit-manifest.jsonl", encoding: .utf8)
    let objects = try text.split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
    }
    #expect(
      objects.map { $0["source_hex"] as? String ?? "" } == [
        "61fe2e62696e", "61ff2e62696e", "64ff2e62696e", "64c0",
      ])
    #expect(objects[0]["destination_hex"] as? String == "61fe" + hex(".safetensors"))
    #expect(objects[0]["source"] as? String == "a\u{FFFD}.bin")
    let error = objects[2]["error"] as? String
    #expect(error?.hasPrefix(tree.source + "/d\u{FFFD}.bin: ") == true, "\(error ?? "")")
    let names = try rawNames(in: tree.destination)
    #expect(
      names == [
        [0x61, 0xFE] + Array(".safetensors".utf8), [0x61, 0xFF] + Array(".safetensors".utf8),
        [0x64, 0xC0], Array("peftkit-manifest.jsonl".utf8),
      ])

    let again = try tree.conversion(resume: true).run()
    #expect(again.unchanged == 3 && again.failed == 1 && again.converted == 0)
    #expect(try rawNames(in: tree.destination) == names)
    let forced = try tree.conversion(force: true).run()
    #expect(forced.converted == 3)
    #expect(try rawNames(in: tree.destination) == names)
  }

  @Test(
    "an inner adapter whose name is not UTF-8 travels as it is, and is not taken for another (B3)")
  func innerName() throws {
    try tree.addAdapter("adapter")
    try tree.addAdapter("adapter/in\u{FFFD}", of: "mpt-causal-lm")
    try tree.addAdapter("adapter/inner")
    tree.rename("adapter/inner", to: Array("adapter/in".utf8) + [0xFF])
    let summary = try tree.conversion().run()
    #expect(summary.converted == 1 && summary.failed == 0)
    let weights = Array("/adapter_model.safetensors".utf8)
    for name in [Array("adapter/in".utf8) + [0xFF], Array("adapter/in\u{FFFD}".utf8)] {
      try withPath(of: name + weights, in: tree.source) { source in
        try withPath(of: name + weights, in: tree.destination) { destination in
          let (before, after) = (try read(source), try read(destination))
          #expect(before == after)
        }
      }
    }
  }

  private func read(_ path: UnsafePointer<CChar>) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    return Array(try #require(try FileHandle(fileDescriptor: descriptor).readToEnd()))
  }

  @Test("a file in the place of a directory fails its unit and stays, whatever its name (B12, B24)")
  func directoryForFile() throws {
    try tree.addAdapter("adapter")
    tree.rename("adapter", to: [0x64, 0xC0])
    try FileManager.default.createDirectory(
      atPath: tree.destination, withIntermediateDirectories: true)
    let precious = try tree.directory.write([1, 2, 3], to: "precious")
    try withPath(of: [0x64, 0xC0], in: tree.destination) { #expect(rename(precious, $0) == 0) }
    let summary = try tree.conversion(force: true).run()
    #expect(summary.failed == 1 && summary.converted == 0)
    let names = try rawNames(in: tree.destination)
    #expect(names == [[0x64, 0xC0], Array("peftkit-manifest.jsonl".utf8)])
    try withPath(of: [0x64, 0xC0], in: tree.destination) { #expect(rename($0, precious) == 0) }
    #expect(try bytes(of: precious) == [1, 2, 3])
  }

  @Test("a file that is replaced keeps its permissions, whatever its name (B12)")
  func permissions() throws {
    try tree.addFile("plain.bin")
    tree.rename("plain.bin", to: [0x61, 0xFF] + Array(".bin".utf8))
    #expect(try tree.conversion().run().converted == 1)
    let name = [0x61, 0xFF] + Array(".safetensors".utf8)
    try withPath(of: name, in: tree.destination) { path in
      #expect(chmod(path, 0o600) == 0)
      let summary = try tree.conversion(force: true).run()
      #expect(summary.converted == 1)
      var status = stat()
      #expect(stat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600)
    }
  }

  /// Swift's strings cannot name what is not UTF-8.
  private func withPath(
    of name: [UInt8], in directory: String, _ body: (UnsafePointer<CChar>) throws -> Void
  ) throws {
    let path = (Array((directory + "/").utf8) + name + [0]).map { CChar(bitPattern: $0) }
    try path.withUnsafeBufferPointer { try body($0.baseAddress!) }
  }

  private func hex(_ text: String) -> String {
    text.utf8.map { String($0, radix: 16) }.joined()
  }

  private func rawNames(in directory: String) throws -> [[UInt8]] {
    let stream = try #require(opendir(directory))
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != [0x2E] && name != [0x2E, 0x2E] { names.append(name) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test("each shard has a manifest of its own, and all of them are resumed (B9, B14, B22)")
  func shards() throws {
    for index in 0..<20 { try tree.addFile("\(index).bin") }
    var found = 0
    for number in 1...3 {
      found += try tree.conversion(shard: WorkPartition(number, of: 3)).run().found
    }
    #expect(found == 20)
    let names = try files(below: tree.destination).filter { $0.hasSuffix(".jsonl") }
    #expect(names == (1...3).map { "peftkit-manifest-\($0)-of-3.jsonl" })
    // With the contents as digests a source that is not read need not be there to be believed.
    let lines = try names.reduce(0) { try $0 + tree.outcomes($1).count }
    #expect(lines == 20)
    let reads = EventCounter()
    let again = try tree.conversion(resume: true) { archive throws(CheckpointError) in
      reads.note(archive.path)
      return try contents(of: archive)
    }.run()
    #expect(again.unchanged == 20)
    #expect(reads.all.count == 20)
    #expect(reads.all.allSatisfy { $0.hasPrefix(tree.destination) })
  }

  @Test(
    "models are converted with their shards, checked and kept (B2, B3, B15)",
    arguments: ["gpt2-torch", "llama-safetensors"])
  func models(name: String) throws {
    try tree.makeDirectory("deep")
    try FileManager.default.copyItem(
      atPath: Fixtures.projectRoot + "/Tests/CheckpointsTests/Vectors/" + name,
      toPath: tree.source + "/deep/model")
    var conversion = tree.conversion()
    #expect(try conversion.run().converted == 1)
    let record = try #require(try tree.manifest()["deep/model"])
    #expect(record["kind"] as? String == "model")
    let weights = try files(below: tree.source).filter { !$0.hasSuffix(".json") }
    let sizes = try files(below: tree.source).map { try bytes(of: tree.source + "/" + $0).count }
    #expect(record["source_bytes"] as? Int == sizes.reduce(0, +))
    let shards = try files(below: tree.destination + "/deep/model")
    #expect(shards.filter { $0.hasSuffix(".safetensors") }.count == weights.count)
    #expect(shards.contains("model.safetensors.index.json"))
    let index = tree.destination + "/deep/model/model.safetensors.index.json"
    let source = try #require(try files(below: tree.source).first { $0.hasSuffix(".index.json") })
    #expect(
      try contents(of: Checkpoint.open(path: index))
        == contents(of: Checkpoint.open(path: tree.source + "/" + source)))

    conversion = tree.conversion(resume: true)
    #expect(try conversion.run().unchanged == 1)
    let shard = tree.destination + "/deep/model/" + (shards.first { $0.hasSuffix("tensors") } ?? "")
    var damaged = try bytes(of: shard)
    damaged[damaged.count - 1] ^= 1
    try Data(damaged).write(to: URL(fileURLWithPath: shard))
    #expect(try conversion.run().failed == 1)
    #expect(try tree.conversion(force: true, resume: true).run().converted == 1)
    #expect(try conversion.run().unchanged == 1)
  }

  @Test("a limit of shards splits no files (B3)")
  func limits() throws {
    try tree.addFile("a.bin")
    var options = ConversionOptions(
      format: .safetensors, policy: OutputPolicy(replacesExisting: false, synchronizes: false))
    options.shardByteCount = 4
    let conversion = BulkConversion(
      source: tree.source, destination: tree.destination, options: options, digest: contents)
    #expect(try conversion.run().converted == 1)
    #expect(try files(below: tree.destination).first == "a.safetensors")
  }
}
