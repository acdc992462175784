// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("Standard streams that are closed")
struct StreamTests {
  /// Runs the tool in a shell with a redirection such as `2>&-`, and returns its exit code.
  private func run(_ arguments: [String], _ redirection: String) throws -> Int32 {
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", "exec \"$0\" \"$@\" \(redirection)", Tool.path] + arguments
    try shell.run()
    shell.waitUntilExit()
    return shell.terminationStatus
  }

  @Test(
    "notes that cannot be printed change no exit code (L2)", arguments: ["2>&-", "2>/dev/full"])
  func notes(redirection: String) throws {
    let directory = try TemporaryDirectory()
    let raw = RawSafeTensors([.init("t", [2], floats: [1, 2])])
    let file = try directory.write(raw.encoded(), to: "a.safetensors")
    try FileManager.default.linkItem(atPath: file, toPath: directory.path("b.safetensors"))
    #expect(try run(["metadata", file, "--set", "a=b"], redirection) == 0)
    let output = directory.path("c.safetensors")
    #expect(try run(["convert", file, output, "--exclude", "absent"], redirection) == 0)
    #expect(try run(["inspect", directory.path("absent")], redirection) == 2)
  }

  @Test("no output takes the place of a closed stream (L2)")
  func outputs() throws {
    let directory = try TemporaryDirectory()
    let raw = RawSafeTensors([.init("t", [2], floats: [1, 2])])
    try FileManager.default.createDirectory(
      atPath: directory.path("in"), withIntermediateDirectories: true)
    for name in ["in/a.safetensors", "in/b.safetensors"] {
      try directory.write(raw.encoded(), to: name)
    }
    try directory.write([1, 2, 3], to: "in/damaged.safetensors")
    let convert = ["convert", "--recursive", directory.path("in"), "--jobs", "1"]
    let tests = [("open", "2>/dev/null"), ("closed", ">&- 2>&-")]
    for (name, redirection) in tests {
      let code = try run(convert + [directory.path(name)], redirection)
      #expect(code == (name == "open" ? 1 : 2))
    }
    for name in ["a.safetensors", "b.safetensors"] {
      #expect(
        try bytes(of: directory.path("closed/" + name)) == bytes(of: directory.path("open/" + name))
      )
    }
  }
}
