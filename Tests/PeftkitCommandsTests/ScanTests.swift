import Foundation
import TestSupport
import Testing

@Suite("scan")
struct ScanTests {
  static let vectors = Fixtures.projectRoot + "/Tests/TorchCheckpointTests/Vectors/scan/"

  @Test(
    "the verdict decides the exit code (S1 to S3)",
    arguments: [
      ("good/ordered.bin", "data only", 0), ("good/legacy.bin", "data only", 0),
      ("code/reduce.bin", "asks for code", 1), ("damaged/cut-short.bin", "damaged", 1),
      ("damaged/empty.bin", "damaged", 1),
    ])
  func verdicts(name: String, verdict: String, exitCode: Int32) throws {
    let text = try peftkit("scan", Self.vectors + name)
    #expect(text.exitCode == exitCode)
    #expect(text.errors.isEmpty)
    #expect(text.output.hasPrefix(Self.vectors + name + ": " + verdict + " ("))
    let json = try peftkit("scan", Self.vectors + name, "--json")
    #expect(json.exitCode == exitCode)
    #expect(try json.json()["verdict"] as? String == verdict)
    #expect(try json.json()["holds"] as? Bool == (exitCode == 0))
  }

  @Test("safetensors are data only (S21)")
  func safetensors() throws {
    let path = Fixtures.adapter("lora") + "/adapter_model.safetensors"
    let run = try peftkit("scan", path)
    #expect(run.output == "\(path): data only (safetensors)\n")
    #expect(run.exitCode == 0)
  }

  @Test("a directory's weights files are scanned, and the worst verdict counts (S4)")
  func directory() throws {
    let directory = try TemporaryDirectory()
    try directory.write(bytes(of: Self.vectors + "good/ordered.bin"), to: "adapter_model.bin")
    try directory.write(Array("{}".utf8), to: "adapter_config.json")
    let single = try peftkit("scan", directory.path)
    #expect(single.exitCode == 0)
    try directory.write(bytes(of: Self.vectors + "code/reduce.bin"), to: "training_args.BIN")
    let run = try peftkit("scan", directory.path)
    #expect(run.exitCode == 1)
    #expect(run.output.hasSuffix("\n\(directory.path): asks for code (2 files)\n"))
    let files = try #require(
      try peftkit("scan", directory.path, "--json").json()["files"] as? [[String: Any]])
    #expect(files.map { $0["verdict"] as? String } == ["data only", "asks for code"])
  }

  @Test("what cannot be opened is exit code 2 (S4)", arguments: ["missing.bin", "."])
  func unreadable(name: String) throws {
    let directory = try TemporaryDirectory()
    let run = try peftkit("scan", directory.path(name))
    #expect(run.exitCode == 2)
    #expect(run.output.isEmpty)
    #expect(run.errors.hasPrefix("error: "))
  }

  @Test("the text names what is imported, where, and by what it is called")
  func text() throws {
    let run = try peftkit(["scan", "code/reduce.bin"], in: Self.vectors)
    var lines = run.output.components(separatedBy: "\n")
    #expect(lines.removeFirst() == "code/reduce.bin: asks for code (torch-zip, 1 pickle)")
    #expect(lines.contains("  os.system                         339  NO       REDUCE"))
    #expect(
      lines.contains("code: asks Python to import os.system (archive/data.pkl, byte 339) [import]"))
    #expect(lines.contains("nothing was executed"))
  }

  @Test("names cannot move the cursor")
  func printable() throws {
    let directory = try TemporaryDirectory()
    let bytes: [UInt8] = [0x80, 2] + Array("ca\u{1B}[2J\nb\u{202E}\n.".utf8)
    let run = try peftkit("scan", directory.write(bytes, to: "a.bin"))
    #expect(run.output.contains("a\\u{1b}[2J.b\\u{202e}"))
    #expect(!run.output.contains("\u{1B}") && !run.output.contains("\u{202E}"))
  }

  @Test("--json has these keys and no others (S25 to S28)", arguments: ["code/nested.bin"])
  func keys(name: String) throws {
    let json = try peftkit("scan", Self.vectors + name, "--json").json()
    #expect(Set(json.keys) == ["path", "verdict", "holds", "files", "file_count"])
    let file = try #require((json["files"] as? [[String: Any]])?.first)
    #expect(
      Set(file.keys) == [
        "path", "format", "byte_count", "verdict", "pickles", "pickle_count", "findings",
        "finding_count",
      ])
    let pickles = try #require(file["pickles"] as? [[String: Any]])
    #expect(pickles.map { $0["byte_base"] as? String } == ["file", "string"])
    for pickle in pickles {
      #expect(
        Set(pickle.keys) == [
          "place", "byte_base", "byte", "byte_count", "protocol", "opcode_count", "complete",
          "names", "name_count", "other_calls",
        ])
      let imported = try #require((pickle["names"] as? [[String: Any]])?.first)
      #expect(Set(imported.keys) == ["module", "name", "byte", "opcode", "allowed", "calls"])
      let call = try #require((imported["calls"] as? [[String: Any]])?.first)
      #expect(Set(call.keys) == ["opcode", "byte", "count"])
    }
    let finding = try #require((file["findings"] as? [[String: Any]])?.first)
    #expect(Set(finding.keys) == ["kind", "code", "message", "place", "byte"])
  }
}
