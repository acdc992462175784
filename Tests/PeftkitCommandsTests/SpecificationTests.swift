// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// A block of `spec/command-line.md` that starts with `$ peftkit …`.
struct SpecifiedExample: CustomTestStringConvertible, Sendable {
  let arguments: [String]
  /// What is printed; `…` stands for further lines.
  let lines: [String]
  let exitCode: Int32

  var testDescription: String { "peftkit " + arguments.joined(separator: " ") }

  static let all: [SpecifiedExample] = {
    let path = Fixtures.projectRoot + "/spec/command-line.md"
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.components(separatedBy: "```\n").compactMap { block in
      guard block.hasPrefix("$ peftkit ") else { return nil }
      var lines = block.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      if lines.last == "" { lines.removeLast() }
      let words = lines.removeFirst().split(separator: " ").dropFirst(2).map(String.init)
      var exitCode: Int32 = 0
      if let last = lines.last, last.hasPrefix("[exit "), last.hasSuffix("]") {
        exitCode = Int32(last.dropFirst(6).dropLast()) ?? -1
        lines.removeLast()
      }
      return SpecifiedExample(arguments: words, lines: lines, exitCode: exitCode)
    }
  }()
}

@Suite("The command line's specification")
struct SpecificationTests {
  @Test("there are examples")
  func examplesExist() {
    #expect(SpecifiedExample.all.count >= 8)
  }

  @Test(
    "examples print what the specification says (L3, L6, L10, L11, L22, L24, L26, L27, L32, L33)",
    arguments: SpecifiedExample.all)
  func example(_ example: SpecifiedExample) throws {
    let run = try peftkit(example.arguments, in: Fixtures.path(""))
    #expect(run.exitCode == example.exitCode)
    var printed = (run.output + run.errors).components(separatedBy: "\n")
    if printed.last == "" { printed.removeLast() }
    guard let gap = example.lines.firstIndex(of: "…") else {
      #expect(printed == example.lines)
      return
    }
    let tail = example.lines.dropFirst(gap + 1)
    #expect(Array(printed.prefix(gap)) == Array(example.lines.prefix(gap)))
    #expect(Array(printed.suffix(tail.count)) == Array(tail))
    #expect(printed.count > gap + tail.count)
  }
}

@Suite("Help, version and usage")
struct UsageTests {
  /// The commands that do something, with the commands that they belong to: `mpt bake`.
  static let commands: [[String]] = {
    guard let root = try? peftkit("--experimental-dump-help").json()["command"] as? [String: Any]
    else { return [] }
    return leaves(of: root, [])
  }()

  private static func leaves(of command: [String: Any], _ path: [String]) -> [[String]] {
    let children = command["subcommands"] as? [[String: Any]] ?? []
    guard !children.isEmpty else { return [path] }
    return children.flatMap { child -> [[String]] in
      guard let name = child["commandName"] as? String, name != "help" else { return [] }
      return leaves(of: child, path + [name])
    }
  }

  @Test("each command has help that fits a terminal (L6)", arguments: commands)
  func help(path: [String]) throws {
    #expect(Self.commands.count > 10)
    let command = path.joined(separator: " ")
    let run = try peftkit(path + ["--help"])
    #expect(run.exitCode == 0)
    #expect(run.errors.isEmpty)
    #expect(run.output.contains("USAGE: peftkit \(command) "))
    #expect(run.output.contains("EXAMPLES:\n  peftkit \(command) "))
    #expect(try peftkit(["help"] + path).output == run.output)
    // An example that is wrapped cannot be copied.
    let lines = run.output.components(separatedBy: "\n")
    let start = try #require(lines.firstIndex(of: "EXAMPLES:"))
    for line in lines[(start + 1)...].prefix(while: { !$0.isEmpty }) {
      #expect(line.hasPrefix("  peftkit "), "\(line)")
    }
  }

  @Test("the version (L6)")
  func version() throws {
    let run = try peftkit("--version")
    #expect(run.exitCode == 0)
    #expect(run.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
  }

  @Test("without arguments the tool prints its help (L6)")
  func bare() throws {
    #expect(try peftkit([]).output == peftkit("--help").output)
  }

  @Test(
    "a wrong command line is exit code 64, on standard error (L1, L3)",
    arguments: [
      ["frobnicate"], ["inspect"], ["inspect", "a", "b"], ["inspect", "a", "--frob"],
      ["config"], ["convert", "a"], ["convert", "a", "b", "--to", "onnx"], ["forward", "a"],
      ["forward", "a", "--tasks", "x", "-o", "o"], ["forward", "a", "--tasks", "0,,1", "-o", "o"],
      ["forward", "a", "--tasks", "", "-o", "o"], ["forward", "a", "--tasks", "0"],
      ["forward", "a", "--tasks", "0", "--dtype", "int8", "-o", "o"],
      ["forward", "a", "--tasks", "99999999999999999999", "-o", "o"],
      ["verify", "a"], ["verify", "a", "--reference", "b", "--rtol", "x"],
      ["verify", "a", "--reference", "b", "--rtol=-1"],
      ["verify", "a", "--reference", "b", "--atol=nan"],
      ["diff", "a"], ["diff", "a", "b", "c"], ["diff", "a", "b", "--frob"],
    ])
  func usage(arguments: [String]) throws {
    let run = try peftkit(arguments)
    #expect(run.exitCode == 64)
    #expect(run.output.isEmpty)
    #expect(run.errors.hasPrefix("Error: "))
    #expect(run.errors.contains("Usage: peftkit"))
  }

  @Test("a name that tells no format is a matter of usage, with convert's usage (L14)")
  func noFormat() throws {
    let source = Fixtures.adapter("lora") + "/adapter_model.safetensors"
    let run = try peftkit("convert", source, "out")
    #expect(run.exitCode == 64)
    #expect(
      run.errors.hasPrefix("Error: 'out' has no extension of a format; name a format with --to"))
    #expect(run.errors.contains("Usage: peftkit convert [<options>] <src> <dst>"))
    #expect(try peftkit("convert", "/nowhere/x", "out").exitCode == 2)
  }

  @Test("a directory does not become what has the name of a file (L16)")
  func directoryAsFile() throws {
    let directory = try TemporaryDirectory()
    let adapter = Fixtures.adapter("lora")
    let refused = try peftkit("convert", adapter, directory.path + "/out.bin")
    #expect(refused.exitCode == 64)
    #expect(refused.errors.contains("has the extension of a file"))
    #expect(try directory.names == [])
    try FileManager.default.createDirectory(
      atPath: directory.path + "/old.bin", withIntermediateDirectories: false)
    #expect(try peftkit("convert", adapter, directory.path + "/old.bin", "--force").exitCode == 0)
  }
}
