// SPDX-License-Identifier: Apache-2.0
import Archives
import Conversion
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Resuming a bulk conversion")
struct ResumeTests {
  let tree: BulkTree
  var manifestPath: String { tree.destination + "/peftkit-manifest.jsonl" }

  init() throws {
    tree = try BulkTree()
    try tree.addFile("a.bin")
    try tree.addFile("b.bin")
    try tree.addAdapter("adapter")
    _ = try tree.conversion().run()
  }

  private func append(_ text: String) throws {
    let handle = try #require(FileHandle(forWritingAtPath: manifestPath))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(text.utf8))
    try handle.close()
  }

  private func changed(_ path: String) throws {
    var data = try bytes(of: path)
    data[data.count - 1] ^= 1
    try Data(data).write(to: URL(fileURLWithPath: path))
  }

  @Test("what is right is not written again (B15)")
  func unchanged() throws {
    let path = tree.destination + "/a.safetensors"
    let before = try FileManager.default.attributesOfItem(atPath: path)
    let summary = try tree.conversion(resume: true).run()
    #expect(summary.unchanged == 3 && summary.converted == 0 && summary.holds)
    let after = try FileManager.default.attributesOfItem(atPath: path)
    #expect(before[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)
    let outcomes = try tree.outcomes()
    #expect(outcomes.values.allSatisfy { $0 == "unchanged" })
    // Force is for what differs.
    #expect(try tree.conversion(force: true, resume: true).run().unchanged == 3)
  }

  @Test("a copy is compared with its source (B15, B16)")
  func copies() throws {
    try tree.addFile("mlx/adapters.safetensors")
    try tree.write("mlx/adapter_config.json", Array("{}".utf8))
    let first = try tree.conversion(resume: true).run()
    #expect(first.found == 5 && first.converted == 2 && first.unchanged == 3)
    let copy = tree.destination + "/mlx/adapter_config.json"
    #expect(try bytes(of: copy) == Array("{}".utf8))
    #expect(try tree.manifest()["mlx/adapter_config.json"]?["kind"] as? String == "copy")
    #expect(try tree.conversion(resume: true).run().unchanged == 5)
    try changed(copy)
    let second = try tree.conversion(resume: true).run()
    #expect(second.failed == 1 && second.unchanged == 4)
    #expect(
      try tree.manifest()["mlx/adapter_config.json"]?["hint"] as? String
        == "replace the existing output")
    #expect(try tree.conversion(force: true, resume: true).run().converted == 1)
    #expect(try bytes(of: copy) == Array("{}".utf8))
  }

  @Test("what is missing is converted, whatever the manifest says (B17)")
  func missing() throws {
    try FileManager.default.removeItem(atPath: tree.destination + "/a.safetensors")
    try FileManager.default.removeItem(atPath: tree.destination + "/adapter")
    try tree.addFile("new/c.bin")
    let summary = try tree.conversion(resume: true).run()
    #expect(summary.converted == 3 && summary.unchanged == 1)
    #expect(try tree.outcomes()["new/c.bin"] == "converted")
  }

  @Test(
    "an output that was changed fails, and is made again with force (B15, B16)",
    arguments: [
      "a.safetensors", "adapter/adapter_model.safetensors", "adapter/adapter_config.json",
    ])
  func tampered(name: String) throws {
    let path = tree.destination + "/" + name
    let original = try bytes(of: path)
    try changed(path)
    let tampered = try bytes(of: path)
    let errors = EventCounter()
    let summary = try tree.conversion(resume: true).run { event in
      if case .unit(let record, _) = event, let error = record.error {
        errors.note("\(error.message) | \(error.remedy?.description ?? "")")
      }
    }
    #expect(summary.failed == 1 && summary.unchanged == 2)
    #expect(errors.all.count == 1)
    #expect(errors.all.first?.hasSuffix("converts to | replace the existing output") == true)
    #expect(try bytes(of: path) == tampered)
    let forced = try tree.conversion(force: true, resume: true).run()
    #expect(forced.converted == 1 && forced.unchanged == 2)
    #expect(try bytes(of: path) == original)
  }

  @Test(
    "checkpoints inside an adapter's directory are checked as well (B15)",
    arguments: ["changed", "missing", "new", "source"])
  func innerDirectories(_ damage: String) throws {
    try tree.addAdapter("adapter/other")
    try tree.addAdapter("adapter/other/deep")
    #expect(try tree.conversion(force: true, resume: true).run().converted == 1)
    #expect(try tree.conversion(resume: true).run().unchanged == 3)
    let output = tree.destination + "/adapter/other/deep/adapter_model.safetensors"
    let before = try bytes(of: output)
    switch damage {
    case "changed": try changed(output)
    case "missing": try FileManager.default.removeItem(atPath: tree.destination + "/adapter/other")
    case "new": try tree.addAdapter("adapter/more")
    default: try changed(tree.source + "/adapter/other/deep/adapter_model.safetensors")
    }
    let summary = try tree.conversion(resume: true).run()
    #expect(summary.failed == 1 && summary.unchanged == 2)
    #expect(try tree.conversion(force: true, resume: true).run().converted == 1)
    #expect(try (bytes(of: output) == before) == (damage != "source"))
    #expect(try tree.conversion(resume: true).run().unchanged == 3)
  }

  @Test("a model's output has its config, or is none (B15)")
  func modelConfig() throws {
    try tree.addFile("model/model.safetensors")
    _ = try tree.conversion(resume: true).run()
    // Before there was a config this was a file.
    try tree.write("model/config.json", Array("{}".utf8))
    #expect(try tree.conversion(resume: true).run().failed == 1)
    #expect(try tree.conversion(force: true, resume: true).run().converted == 1)
    #expect(try bytes(of: tree.destination + "/model/config.json") == Array("{}".utf8))
    #expect(try tree.conversion(resume: true).run().unchanged == 4)
  }

  @Test("an output that was cut short cannot be read, and is made again with force (B16)")
  func truncated() throws {
    let path = tree.destination + "/a.safetensors"
    let original = try bytes(of: path)
    try Data(original.dropLast(3)).write(to: URL(fileURLWithPath: path))
    let summary = try tree.conversion(resume: true).run()
    #expect(summary.failed == 1 && summary.unchanged == 2)
    #expect(try tree.conversion(force: true, resume: true).run().converted == 1)
    #expect(try bytes(of: path) == original)
  }

  @Test("a source that was changed is compared itself (B15)")
  func changedSource() throws {
    // As large as before, and as old.
    let source = tree.source + "/a.bin"
    let date = try FileManager.default.attributesOfItem(atPath: source)[.modificationDate] as? Date
    try tree.addFile("a.bin", 7)
    #expect(try tree.conversion(resume: true).run().failed == 1)
    #expect(try tree.conversion(force: true, resume: true).run().converted == 1)
    #expect(
      try RawSafeTensors(path: tree.destination + "/a.safetensors")["t"]?.bytes.prefix(4)
        == [0, 0, 224, 64])
    // Touched, and the same.
    let earlier = (date ?? Date()).addingTimeInterval(-1000)
    try FileManager.default.setAttributes([.modificationDate: earlier], ofItemAtPath: source)
    let reads = EventCounter()
    let summary = try tree.conversion(resume: true) { archive throws(CheckpointError) in
      reads.note(archive.path)
      return try contents(of: archive)
    }.run()
    #expect(summary.unchanged == 3)
    #expect(reads.all.filter { $0.hasPrefix(tree.source) } == [source])
  }

  @Test("outputs of other settings are converted again (B18)")
  func settings() throws {
    var options = tree.conversion(resume: true).options
    options.dropsAliases = true
    var other = BulkConversion(
      source: tree.source, destination: tree.destination, options: options,
      digest: tree.conversion(resume: true).digest)
    other.resumes = true
    let summary = try other.run()
    #expect(summary.converted == 3)
    #expect(summary.unchanged == 0)
    #expect(try other.run().unchanged == 3)
  }

  @Test("without a manifest the sources are read (B14, B15)")
  func noManifest() throws {
    try FileManager.default.removeItem(atPath: manifestPath)
    let summary = try tree.conversion(resume: true).run()
    #expect(summary.unchanged == 3)
    #expect(try tree.outcomes().count == 3)
  }

  @Test(
    "lines that are no records are passed over, a torn one is ended (B11)",
    arguments: [
      "{\"source\":\"b.b", "\n\nnull\n[1]\n{}\n", "{\"source\":\"a.bin\",\"outcome\":3}\n",
      String(repeating: "x", count: 3 << 20), "\u{0}\n", "{\"source\":\"a.bin\",",
    ])
  func torn(text: String) throws {
    try append(text)
    let before = try bytes(of: manifestPath)
    let summary = try tree.conversion(resume: true).run()
    #expect(summary.unchanged == 3)
    let after = try bytes(of: manifestPath)
    #expect(after.starts(with: before))
    let rest = String(decoding: after.dropFirst(before.count), as: UTF8.self)
    let lines = rest.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(rest.hasPrefix("\n") == !text.hasSuffix("\n"))
    for line in lines {
      #expect(throws: Never.self) {
        try JSONSerialization.jsonObject(with: Data(line.utf8))
      }
    }
  }

  @Test("of two lines for a unit the last that is no failure counts (B14)")
  func laterLines() throws {
    let line = try #require(
      String(decoding: bytes(of: manifestPath), as: UTF8.self).split(separator: "\n").first {
        $0.contains("\"a.bin\"")
      })
    let wrong = line.replacingOccurrences(of: "t F32", with: "u F32")
    try append(wrong + "\n")
    #expect(try tree.conversion(resume: true).run().failed == 1)
    try append(line + "\n" + wrong.replacingOccurrences(of: "converted", with: "failed") + "\n")
    #expect(try tree.conversion(resume: true).run().unchanged == 3)
  }

  @Test(
    "what is no manifest is not added to (B13)", arguments: ["notes", "peftkit-manifest.jsonl"])
  func noManifestFile(name: String) throws {
    let path = tree.destination + "/" + name
    try Data("dear diary".utf8).write(to: URL(fileURLWithPath: path))
    var conversion = tree.conversion(resume: true)
    conversion.manifestPath = path
    let error = failure { () throws(CheckpointError) in _ = try conversion.run() }
    #expect(error?.message == "is not a manifest")
    #expect(try bytes(of: path) == Array("dear diary".utf8))
  }

  @Test("with force, what is no manifest is not emptied either (B12, B13)")
  func forcedManifestFile() throws {
    let path = tree.directory.path("weights.bin")
    try Data([0x50, 0x4B, 3, 4]).write(to: URL(fileURLWithPath: path))
    var conversion = tree.conversion(force: true)
    conversion.manifestPath = path
    let error = failure { () throws(CheckpointError) in _ = try conversion.run() }
    #expect(error?.message == "is not a manifest" && error?.path == path)
    #expect(try bytes(of: path) == [0x50, 0x4B, 3, 4])
    try Data(#"{"source":"x"}"#.utf8).write(to: URL(fileURLWithPath: path))
    #expect(try conversion.run().converted == 3)
    #expect(try !bytes(of: path).starts(with: Array(#"{"source":"x"}"#.utf8)))
  }

  @Test("a manifest elsewhere (B9, B14)")
  func elsewhere() throws {
    var conversion = tree.conversion(resume: true)
    conversion.manifestPath = tree.directory.path("elsewhere.jsonl")
    #expect(try conversion.run().unchanged == 3)
    try FileManager.default.removeItem(atPath: manifestPath)
    let reads = EventCounter()
    conversion = tree.conversion(resume: true) { archive throws(CheckpointError) in
      reads.note(archive.path)
      return try contents(of: archive)
    }
    conversion.manifestPath = tree.directory.path("elsewhere.jsonl")
    #expect(try conversion.run().unchanged == 3)
    #expect(reads.all.allSatisfy { $0.hasPrefix(tree.destination) })
    #expect(!FileManager.default.fileExists(atPath: manifestPath))
  }
}
