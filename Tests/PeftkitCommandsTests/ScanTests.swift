// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("scan")
struct ScanTests {
  static let vectors = Fixtures.projectRoot + "/Tests/CheckpointScanTests/Vectors/"

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
    #expect(run.output.hasSuffix("\n\(directory.path): asks for code (1 of 2 files)\n"))
    let files = try #require(
      try peftkit("scan", directory.path, "--json").json()["files"] as? [[String: Any]])
    #expect(files.map { $0["verdict"] as? String } == ["data only", "asks for code"])
  }

  @Test(
    "other names of weights, and files that an index names, are scanned (S4)",
    arguments: ["x.pkl", "x.pickle", "model_best.pth.tar", "x.TH", "x.npy", "payload.dat"])
  func otherNames(name: String) throws {
    let directory = try TemporaryDirectory()
    try directory.write(bytes(of: Self.vectors + "good/ordered.bin"), to: "a.bin")
    try directory.write(bytes(of: Self.vectors + "code/reduce.bin"), to: name)
    try directory.write(bytes(of: Self.vectors + "good/ordered.bin"), to: "tokenizer.dat")
    try directory.write(
      Array(#"{"weight_map": {"w": "payload.dat"}}"#.utf8), to: "pytorch_model.bin.index.json")
    let run = try peftkit("scan", directory.path)
    #expect(run.exitCode == 1)
    #expect(run.output.hasSuffix("\n\(directory.path): asks for code (1 of 2 files)\n"))
    #expect(run.errors == "note: 1 file with other names not scanned\n")
  }

  @Test("a snapshot that is a link to a directory is entered (hub-cache.md, Z7)")
  func linkedSnapshot() throws {
    let directory = try TemporaryDirectory()
    for name in ["models--o--m/snapshots", "models--o--m/refs", "out", "empty"] {
      try FileManager.default.createDirectory(
        atPath: directory.path(name), withIntermediateDirectories: true)
    }
    try directory.write(bytes(of: Self.vectors + "code/reduce.bin"), to: "out/pytorch_model.bin")
    for (link, target) in [("b", "out"), ("c", "empty")] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.path("models--o--m/snapshots/" + link),
        withDestinationPath: "../../" + target)
    }
    let run = try peftkit("scan", directory.path("models--o--m"))
    #expect(run.exitCode == 1)
    #expect(run.errors == "")
  }

  @Test("a name that is not UTF-8 is scanned as any other (S4)")
  func brokenName() throws {
    let directory = try TemporaryDirectory()
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = [
      "-c", "cp \"$0\" \"$1/$(printf 'q\\376r.safetensors')\"",
      Fixtures.adapter("lora") + "/adapter_model.safetensors", directory.path,
    ]
    try shell.run()
    shell.waitUntilExit()
    let run = try peftkit("scan", directory.path)
    #expect(run.output == "\(directory.path)/q\u{FFFD}r.safetensors: data only (safetensors)\n")
    #expect(run.errors.isEmpty)
    #expect(run.exitCode == 0)
  }

  static let arrays = Fixtures.projectRoot + "/Tests/NumPyArchiveTests/Vectors/"

  @Test("an archive of arrays is what inspect takes it for (S21)")
  func arrayFormats() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.arrays + "read")
    for name in names where name.hasSuffix(".npz") && name != "nothing.npz" {
      let path = Self.arrays + "read/" + name
      let files = try peftkit("scan", path, "--json").json()["files"] as? [[String: Any]]
      let format = try peftkit("inspect", path, "--json").json()["format"] as? String
      #expect(files?.first?["format"] as? String == format)
    }
  }

  @Test(
    "the pickle of an array of objects is listed once (S21)",
    arguments: ["objects.npy", "objects.npz"])
  func objects(name: String) throws {
    let json = try peftkit("scan", Self.arrays + "refused/" + name, "--json").json()
    let file = try #require((json["files"] as? [[String: Any]])?.first)
    // The names of the pickle are those of plain data.
    #expect(file["verdict"] as? String == "damaged")
    #expect(file["pickle_count"] as? Int == 1)
    let findings = try #require(file["findings"] as? [[String: Any]])
    let places = findings.map { "\($0["byte"] ?? "") \($0["code"] ?? "")" }
    #expect(places.count == Set(places).count)
  }

  @Test("directories below are scanned, each after the files beside it (S4, S25)")
  func tree() throws {
    let directory = try TemporaryDirectory()
    let (good, evil) = try (
      bytes(of: Self.vectors + "good/ordered.bin"), bytes(of: Self.vectors + "code/reduce.bin")
    )
    for name in ["a/b/c", "z"] {
      try FileManager.default.createDirectory(
        atPath: directory.path(name), withIntermediateDirectories: true)
    }
    // A loop, and a link to a file, which is followed.
    try FileManager.default.createSymbolicLink(
      atPath: directory.path("a/loop"), withDestinationPath: directory.path)
    try directory.write(good, to: "z/blob")
    try FileManager.default.createSymbolicLink(
      atPath: directory.path("z/link.pt"), withDestinationPath: "blob")
    try directory.write(good, to: "good.bin")
    try directory.write(evil, to: "a/b/c/evil.bin")
    let run = try peftkit("scan", directory.path)
    #expect(run.exitCode == 1)
    #expect(
      run.errors == "note: \(directory.path)/a/loop is a link to a directory and was not followed\n"
        + "note: 1 file with other names not scanned\n")
    #expect(run.output.hasSuffix("\n\(directory.path): asks for code (1 of 3 files)\n"))
    let json = try peftkit("scan", directory.path, "--json").json()
    let files = try #require(json["files"] as? [[String: Any]])
    #expect(
      files.map { $0["path"] as? String }
        == ["good.bin", "a/b/c/evil.bin", "z/link.pt"].map(directory.path))
    #expect(json["file_count"] as? Int == 3)
  }

  @Test("metadata of macOS is passed over where nothing is found in it (S4)")
  func appleDouble() throws {
    let directory = try TemporaryDirectory()
    let (good, evil) = try (
      bytes(of: Self.vectors + "good/ordered.bin"), bytes(of: Self.vectors + "code/reduce.bin")
    )
    let metadata: [UInt8] = [0x00, 0x05, 0x16, 0x07, 0x00, 0x02, 0x00, 0x00]
    try directory.write(good, to: "good.bin")
    try directory.write(metadata + [UInt8](repeating: 0, count: 4000), to: "._good.bin")
    let run = try peftkit("scan", directory.path)
    #expect(run.exitCode == 0)
    #expect(
      run.errors == "note: \(directory.path)/._good.bin is an AppleDouble file (macOS metadata) "
        + "and was skipped\n")
    // Under another name it is a file that somebody meant to be a checkpoint.
    try directory.write(metadata, to: "meant.bin")
    #expect(try peftkit("scan", directory.path).exitCode == 1)
    // Behind the first bytes there can be anything, which old releases of torch find.
    try FileManager.default.removeItem(atPath: directory.path("meant.bin"))
    for contents in [evil, good] {
      try directory.write(metadata + contents, to: "._good.bin")
      #expect(try peftkit("scan", directory.path).exitCode == 1)
    }
  }

  @Test("what cannot be read does not hide the other verdicts (S4)")
  func unreadableParts() throws {
    let directory = try TemporaryDirectory()
    try directory.write(bytes(of: Self.vectors + "code/reduce.bin"), to: "evil.bin")
    try FileManager.default.createSymbolicLink(
      atPath: directory.path("gone.bin"), withDestinationPath: "nowhere")
    // Deeper than a walk goes.
    try FileManager.default.createDirectory(
      atPath: directory.path + String(repeating: "/d", count: 257),
      withIntermediateDirectories: true)
    let run = try peftkit("scan", directory.path)
    #expect(run.exitCode == 2)
    #expect(run.output.hasPrefix("\(directory.path)/evil.bin: asks for code ("))
    #expect(
      run.output.hasSuffix("\n\(directory.path): asks for code (1 file, 2 not readable)\n"))
    let errors = run.errors.components(separatedBy: "\n")
    #expect(
      errors[0] == "error: \(directory.path)/gone.bin: cannot open: No such file or directory")
    #expect(errors[1] == "hint: it is a symbolic link to nowhere, which does not exist")
    #expect(errors[2].hasSuffix(": is nested deeper than 256 directories"))
    #expect(errors.count == 4)
    let json = try peftkit("scan", directory.path, "--json")
    #expect(json.exitCode == 2)
    #expect(try json.json()["file_count"] as? Int == 1)
    // Without any file there is no verdict.
    try FileManager.default.removeItem(atPath: directory.path("evil.bin"))
    let none = try peftkit("scan", directory.path)
    #expect(none.exitCode == 2)
    #expect(none.output.isEmpty)
    #expect(none.errors == run.errors)
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
    #expect(lines.contains("  peftkit_hostile_fixture.run       339  NO       REDUCE"))
    #expect(
      lines.contains(
        "code: asks Python to import peftkit_hostile_fixture.run (archive/data.pkl, byte 339) [import]"
      ))
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
        "path", "format", "byte_count", "verdict", "code", "pickles", "pickle_count", "findings",
        "finding_count",
      ])
    let code = try #require((file["code"] as? [[String: Any]])?.first)
    #expect(Set(code.keys) == ["module", "name", "kind", "library", "meaning", "certainty"])
    let pickles = try #require(file["pickles"] as? [[String: Any]])
    #expect(pickles.map { $0["byte_base"] as? String } == ["file", "string"])
    for pickle in pickles {
      #expect(
        Set(pickle.keys) == [
          "place", "byte_base", "byte", "byte_count", "protocol", "opcode_count", "complete",
          "hidden", "names", "name_count", "other_calls",
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
