// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("metadata")
struct MetadataTests {
  let directory: TemporaryDirectory
  let path: String
  static let tensor = RawSafeTensors.Tensor("t", [2], floats: [1, .nan])

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path("a.safetensors")
  }

  private func write(_ metadata: [String: String]?) throws {
    try directory.write(
      RawSafeTensors([Self.tensor], metadata: metadata).encoded(), to: "a.safetensors")
  }

  /// Makes changes that must be made in silence.
  private func change(_ arguments: String...) throws {
    let run = try peftkit(["metadata", path, "--no-sync"] + arguments)
    #expect(run.exitCode == 0 && run.output.isEmpty && run.errors.isEmpty, "\(run.errors)")
  }

  private func expectRefusal(_ arguments: [String], _ errors: String) throws {
    let before = try bytes(of: path)
    let run = try peftkit(["metadata", path] + arguments)
    #expect(run.exitCode == 2 && run.output.isEmpty)
    #expect(run.errors == errors)
    #expect(try bytes(of: path) == before)
    #expect(try directory.names == ["a.safetensors"])
  }

  /// Expects this metadata in the file, and the tensor as it was.
  private func expect(
    _ metadata: [String: String]?, at path: String? = nil,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let file = try RawSafeTensors(path: path ?? self.path)
    #expect(file.metadata == metadata, sourceLocation: location)
    #expect(file["t"]?.bytes == Self.tensor.bytes, sourceLocation: location)
    #expect(file.tensors.count == 1, sourceLocation: location)
  }

  private func inode(of path: String) -> ino_t {
    var status = stat()
    #expect(stat(path, &status) == 0)
    return status.st_ino
  }

  @Test("what is printed, as text and as JSON (L60)")
  func printing() throws {
    for (metadata, text, json) in [
      (nil, "no metadata\n", "null\n"), ([:], "empty metadata\n", "{}\n"),
      (
        ["k\u{1B}[31m": "é\n\u{202E}x"], "  k\\u{1b}[31m  é\\u{a}\\u{202e}x\n",
        "{\n  \"k\\u001b[31m\": \"\\u00e9\\n\\u202ex\"\n}\n"
      ),
    ] as [([String: String]?, String, String)] {
      try write(metadata)
      #expect(try peftkit("metadata", path).output == text)
      let run = try peftkit("metadata", path, "--json")
      #expect(run.output == json && run.exitCode == 0)
    }
  }

  @Test("keys are set, removed, and all are cleared, in this order (L61)")
  func changes() throws {
    try write(nil)
    try change("--set", "a=1", "--set", "b=x=y=", "--set", "=", "--set", "é=\u{1F600}\n\"")
    try expect(["a": "1", "b": "x=y=", "": "", "é": "\u{1F600}\n\""])
    try change("--set", "a=2", "--remove", "b", "--remove", "")
    try expect(["a": "2", "é": "\u{1F600}\n\""])
    // Removed first, then set: the key comes last.
    try change("--set", "a=3", "--remove", "a")
    #expect(try peftkit("metadata", path).output == "  é  😀\\u{a}\"\n  a  3\n")
    try change("--clear", "--set", "--json=--clear")
    try expect(["--json": "--clear"])
    try change("--remove", "--json")
    try expect([:])
    try change("--clear")
    try expect(nil)
    #expect(try directory.names == ["a.safetensors"])
  }

  @Test("keys are compared as bytes (L61)")
  func bytesOfKeys() throws {
    try write(["e\u{301}": "two"])
    try change("--set", "\u{E9}=one")
    #expect(
      try peftkit("metadata", path, "--json").output
        == "{\n  \"e\\u0301\": \"two\",\n  \"\\u00e9\": \"one\"\n}\n")
    try change("--remove", "e\u{301}")
    #expect(
      try peftkit("metadata", path, "--json").output == "{\n  \"\\u00e9\": \"one\"\n}\n")
  }

  @Test("a key that is not there (L61)", arguments: [nil, [:], ["a": "b"]] as [[String: String]?])
  func missingKey(metadata: [String: String]?) throws {
    try write(metadata)
    try expectRefusal(
      ["--remove", "k", "--set", "a=c"], "error: \(path): its metadata has no key \"k\"\n")
  }

  @Test("what stays the same is not written (L62)")
  func unchanged() throws {
    try write(["a": "b"])
    let before = inode(of: path)
    try change("--set", "a=b")
    try change("--set", "a=b", "--in-place")
    try change("--clear", "--set", "a=b")
    try change("--reserve", "0")
    #expect(inode(of: path) == before)
    try change("--set", "a=c")
    #expect(inode(of: path) != before)
  }

  @Test("another output, replaced with --force only (L62)")
  func output() throws {
    try write(["a": "b"])
    let before = try bytes(of: path)
    let out = directory.path("out.safetensors")
    try change("--set", "a=c", "-o", out)
    try expect(["a": "c"], at: out)
    let run = try peftkit("metadata", path, "--clear", "-o", out)
    #expect(run.exitCode == 2)
    #expect(run.errors == "error: \(out): already exists\nhint: --force replaces it\n")
    try expect(["a": "c"], at: out)
    try change("--clear", "-o", out, "--force")
    try expect(nil, at: out)
    try change("--set", "a=b", "-o", out, "--force")
    #expect(try bytes(of: out) == before)
    #expect(try bytes(of: path) == before)
  }

  @Test("room is made, used in place, and kept (L63, L64)")
  func room() throws {
    try write(["a": "b"])
    let plain = try bytes(of: path)
    try change("--reserve", "256")
    let size = try bytes(of: path).count
    #expect(size == plain.count + 256)
    let before = inode(of: path)
    try change("--set", "k=" + String(repeating: "v", count: 240), "--in-place")
    try expect(["a": "b", "k": String(repeating: "v", count: 240)])
    try change("--remove", "k", "--in-place")
    #expect(inode(of: path) == before)
    try change("--set", "a=d")
    #expect(inode(of: path) != before)
    #expect(try bytes(of: path).count == size)
    try change("--set", "a=b", "--reserve", "0")
    #expect(try bytes(of: path) == plain)
  }

  @Test("in place, what does not fit is refused (L64)")
  func noRoom() throws {
    try write(["a": "b"])
    let length = try bytes(of: path).count - 8 - 8
    let text = String(decoding: try bytes(of: path)[8..<8 + length], as: UTF8.self)
    let count = text.utf8.count - text.reversed().prefix { $0 == " " }.count + 100
    try expectRefusal(
      ["--set", "a=b" + String(repeating: "v", count: 100), "--in-place"],
      "error: \(path): the new header takes \(count) bytes, but there is room for \(length)\n"
        + "hint: without --in-place the file is rewritten; --reserve BYTES then makes room\n")
  }

  @Test("in place, links are followed, and it is said (L64)")
  func links() throws {
    try write(["a": "b"])
    let soft = directory.path("soft")
    #expect(symlink("a.safetensors", soft) == 0)
    let run = try peftkit("metadata", soft, "--set", "a=c", "--in-place")
    #expect(run.exitCode == 0 && run.output.isEmpty)
    #expect(run.errors == "note: the target of the symbolic link was changed\n")
    try expect(["a": "c"])
    #expect(link(path, directory.path("hard")) == 0)
    let second = try peftkit("metadata", path, "--set", "a=d", "--in-place")
    #expect(second.errors == "note: the file has 2 hard links, and all show the change\n")
    try expect(["a": "d"], at: directory.path("hard"))
  }

  @Test("written anew, a link itself becomes a file, and it is said (L64)")
  func linksReplaced() throws {
    try write(["a": "d"])
    let soft = directory.path("soft")
    #expect(symlink("a.safetensors", soft) == 0)
    #expect(link(path, directory.path("hard")) == 0)
    let run = try peftkit("metadata", soft, "--set", "a=e")
    #expect(run.exitCode == 0 && run.output.isEmpty)
    #expect(
      run.errors
        == "note: a file has replaced the symbolic link; its target is unchanged\n")
    try expect(["a": "e"], at: soft)
    try expect(["a": "d"])
    let second = try peftkit("metadata", path, "--set", "a=f")
    #expect(
      second.errors == "note: the file has 2 hard links, and the others are unchanged\n")
    try expect(["a": "f"])
    try expect(["a": "d"], at: directory.path("hard"))
  }

  @Test(
    "wrong command lines (L65)",
    arguments: [
      ["--json", "--clear"], ["--in-place"], ["-o", "out"], ["--set", "a"],
      ["--set", "a=b", "--set", "a=c"],
      ["--remove", "a", "--remove", "a"], ["--clear", "--remove", "a"], ["--reserve=-1"],
      ["--reserve", "x"], ["--reserve", "8", "--in-place"], ["--clear", "--in-place", "-o", "out"],
      ["--set"], ["--remove"],
    ])
  func usage(arguments: [String]) throws {
    try write(["a": "b"])
    let before = try bytes(of: path)
    let run = try peftkit(["metadata", path] + arguments)
    #expect(run.exitCode == 64 && run.output.isEmpty)
    #expect(run.errors.hasPrefix("Error: ") && run.errors.contains("Usage: peftkit metadata"))
    #expect(try bytes(of: path) == before)
    #expect(try directory.names == ["a.safetensors"])
  }

  @Test("what is no safetensors file (L65)")
  func otherFiles() throws {
    let torch = Fixtures.path("torch/written/tensor-2.1.2.bin")
    for (path, error) in [
      (
        torch,
        "is a torch-zip file, which has no metadata of this kind\n"
          + "hint: peftkit convert can make a safetensors file from it\n"
      ),
      (Fixtures.adapter("lora"), "is a directory\nhint: name the weights file in it\n"),
      ("/nowhere/x", "cannot open: No such file or directory\n"),
    ] {
      for change in [[], ["--set", "a=b"]] {
        let run = try peftkit(["metadata", path] + change)
        #expect(run.exitCode == 2 && run.output.isEmpty)
        #expect(run.errors == "error: \(path): " + error)
      }
    }
  }
}
