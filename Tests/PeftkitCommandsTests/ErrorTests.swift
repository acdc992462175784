// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// A file that is no checkpoint, and how it is called.
struct Impostor: CustomTestStringConvertible, Sendable {
  let name: String
  let contents: @Sendable () throws -> [UInt8]
  let message: String
  let hint: String?

  var testDescription: String { name }

  init(
    _ name: String, _ message: String, hint: String?,
    contents: @escaping @Sendable () throws -> [UInt8]
  ) {
    self.name = name
    self.contents = contents
    self.message = message
    self.hint = hint
  }

  private static func weights() throws -> [UInt8] {
    try bytes(of: Fixtures.adapter("lora") + "/adapter_model.safetensors")
  }

  private static let pickleHint =
    "such a file can do anything when Python loads it; if you trust its source, load it with pickle "
    + "and save its tensors with torch.save"

  static let all: [Impostor] = [
    Self(
      "LFS pointer",
      "is a Git LFS pointer to a file of 27280152 bytes, not a checkpoint",
      hint: "fetch the file that it points to with: git lfs pull"
    ) { Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 27280152\n".utf8) },
    Self(
      "LFS pointer with a size that is none",
      "is a Git LFS pointer, not a checkpoint",
      hint: "fetch the file that it points to with: git lfs pull"
    ) {
      Array("version https://git-lfs.github.com/spec/v1\nsize 99999999999999999999999\n".utf8)
    },
    Self(
      "packed adapter",
      "is a zip archive that contains my-adapter/adapter_model.safetensors, not a checkpoint",
      hint: "unpack it first"
    ) {
      try RawZip([
        .init("__MACOSX/my-adapter/._adapter_model.safetensors", [0]),
        .init("my-adapter/adapter_config.json", Array("{}".utf8)),
        .init("my-adapter/adapter_model.safetensors", weights()),
      ]).bytes()
    },
    Self(
      "pickle", "is a Python pickle without tensors, not a checkpoint; nothing was executed",
      hint: "name a file with tensors, such as one that torch.save wrote"
    ) { Array("\u{80}".unicodeScalars.map { UInt8($0.value) }) + [4] + Array("}.".utf8) },
    Self(
      "pickle of a tensor",
      "is a Python pickle of torch objects, as pickle.dump writes them, not a checkpoint; "
        + "nothing was executed", hint: pickleHint
    ) { [0x80, 2] + Array("ctorch.storage\n_load_from_bytes\n.".utf8) },
    Self(
      "HTML", "is a web page, not a checkpoint",
      hint: "the download saved a page about the file; use the link to the file itself"
    ) { Array("\n<!DOCTYPE html>\n<html>".utf8) },
    Self(
      "empty", "is an empty file, not a checkpoint",
      hint: "the download probably failed; download the file again"
    ) { [] },
    Self(
      "zeros", "is a file that starts with zeros only, not a checkpoint",
      hint: "the download probably failed; download the file again"
    ) { [UInt8](repeating: 0, count: 1000) },
    Self("gzip", "is a gzip file, not a checkpoint", hint: "unpack it first") {
      [0x1F, 0x8B, 8, 0]
    },
    Self(
      "AppleDouble", "is an AppleDouble file (macOS metadata), not a checkpoint",
      hint: "delete it, and name the file without \"._\" in front"
    ) { [0x00, 0x05, 0x16, 0x07, 0x00, 0x02, 0x00, 0x00] },
    Self(
      "JSON", "is a JSON file, not a checkpoint",
      hint: "name the weights file or the adapter directory"
    ) { Array("{\"a\": 1}".utf8) },
    Self(
      "cut header", "ends too early: the header takes 2648 bytes, 92 are left (byte 8)",
      hint: "the file is probably an incomplete download; download it again"
    ) { Array(try weights().prefix(100)) },
    Self(
      "cut data",
      "ends too early: the tensors take 5888 bytes, 5883 follow the header, too few for 1 of "
        + "22 tensors, from this one on (tensor "
        + "\"base_model.model.transformer.h.9.attn.c_attn.lora_B.weight\")",
      hint: "the file is probably an incomplete download; download it again"
    ) { try weights().dropLast(5) },
    Self(
      "metadata of another kind",
      "the header is not valid: \"step\" in __metadata__ must be a string, not a number (byte 32)",
      hint: nil
    ) {
      let header = Array(#"{"__metadata__":{"step":120}}"#.utf8)
      return littleEndian(UInt64(header.count)) + header
    },
    Self(
      "cut length", "ends too early: 8 bytes are needed, 4 are left (byte 0)", hint: nil
    ) { Array(try weights().prefix(4)) },
  ]
}

@Suite("Arguments that are no text")
struct ArgumentTests {
  @Test("they are refused, before they name another file (L67)")
  func broken() throws {
    let directory = try TemporaryDirectory()
    let other = try directory.write([7], to: "q\u{FFFD}r.bin")
    let weights = Fixtures.adapter("lora") + "/adapter_model.safetensors"
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = [
      "-c", "exec \"$0\" convert \"$1\" \"$(printf 'q\\376r.bin')\" --force", Tool.path, weights,
    ]
    shell.currentDirectoryURL = URL(fileURLWithPath: directory.path)
    let errors = Pipe()
    shell.standardError = errors
    try shell.run()
    let text = String(
      decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 64)
    #expect(text.contains("is not valid UTF-8"))
    #expect(try bytes(of: other) == [7])
    #expect(try directory.names == ["q\u{FFFD}r.bin"])
  }
}

@Suite("Errors")
struct ErrorTests {
  @Test("what is no checkpoint is named, with a hint (L1, L3, L4)", arguments: Impostor.all)
  func impostor(_ impostor: Impostor) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(impostor.contents(), to: "adapter_model.safetensors")
    let lines =
      "error: \(path): \(impostor.message)\n" + (impostor.hint.map { "hint: \($0)\n" } ?? "")
    for arguments in [
      ["inspect", path], ["inspect", path, "--json"], ["validate", path],
      ["convert", path, directory.path("out.safetensors")],
    ] {
      let run = try peftkit(arguments)
      let hint = impostor.hint == nil ? run.errors.hasPrefix(lines) : run.errors == lines
      #expect(hint, "\(arguments[0]): \(run.errors)")
      #expect(run.exitCode == 2)
      #expect(run.output.isEmpty)
    }
    #expect(try directory.names == ["adapter_model.safetensors"])
  }

  @Test("the same in an adapter directory, by every command that reads weights (L4)")
  func impostorInAdapter() throws {
    let copy = try AdapterCopy(of: "mpt-one-token")
    try Data("version https://git-lfs.github.com/spec/v1\n".utf8)
      .write(to: URL(fileURLWithPath: copy.weightsPath))
    let reference = Fixtures.reference("mpt-one-token")
    for arguments in [
      ["inspect", copy.path], ["validate", copy.path],
      ["convert", copy.path, copy.directory.path("out")],
      ["forward", copy.path, "--tasks", "0", "-o", copy.directory.path("o.safetensors")],
      ["verify", copy.path, "--reference", reference],
    ] {
      let run = try peftkit(arguments)
      #expect(run.errors.hasPrefix("error: \(copy.weightsPath): is a Git LFS pointer"))
      #expect(run.errors.hasSuffix("\nhint: fetch the file that it points to with: git lfs pull\n"))
      #expect(run.exitCode == 2)
    }
    #expect(try copy.directory.names == ["adapter"])
  }

  @Test(
    "what cannot be opened (L1, L3)",
    arguments: [
      (["inspect", "/nowhere/a"], "/nowhere/a: cannot open: No such file or directory"),
      (["validate", "/nowhere/a"], "/nowhere/a: cannot open: No such file or directory"),
      (["config", "/nowhere/a"], "/nowhere/a: cannot open: No such file or directory"),
      (["convert", "/nowhere/a", "b.bin"], "/nowhere/a: cannot open: No such file or directory"),
      (["inspect", "/dev/null"], "/dev/null: is not a regular file"),
      (
        ["forward", "/nowhere/a", "--tasks", "0", "-o", "o"],
        "/nowhere/a: is not an adapter directory: it has no adapter_config.json"
      ),
      (
        ["forward", Fixtures.reference("mpt-one-token"), "--tasks", "0", "-o", "o"],
        Fixtures.reference("mpt-one-token")
          + ": is not an adapter directory: it has no adapter_config.json"
      ),
      (
        ["verify", Fixtures.adapter("mpt-one-token"), "--reference", "/nowhere/r"],
        "/nowhere/r: cannot open: No such file or directory"
      ),
    ])
  func unopenable(arguments: [String], message: String) throws {
    let run = try peftkit(arguments)
    #expect(run.errors == "error: \(message)\n")
    #expect(run.exitCode == 2)
    #expect(run.output.isEmpty)
  }

  @Test("an adapter in a subdirectory is hinted at (C32, L3)")
  func subdirectory() throws {
    let copy = try AdapterCopy(of: "mpt-two-adapters")
    try FileManager.default.removeItem(atPath: copy.configPath)
    let run = try peftkit("inspect", copy.path)
    #expect(
      run.errors == """
        error: \(copy.path): is not an adapter directory: it has no adapter_config.json
        hint: there is an adapter in \(copy.path)/other

        """)
    #expect(run.exitCode == 2)
    let config = try peftkit("config", copy.path)
    #expect(
      config.errors == """
        error: \(copy.configPath): cannot open: No such file or directory
        hint: there is an adapter in \(copy.path)/other

        """)
    #expect(config.exitCode == 2)
  }

  @Test("what cannot be looked at is not missing (C32)")
  func unknown() throws {
    let copy = try AdapterCopy(of: "mpt-one-token")
    // Stands for a directory that may not be searched, which a test of root's may search.
    try FileManager.default.removeItem(atPath: copy.configPath)
    try FileManager.default.createSymbolicLink(
      atPath: copy.configPath, withDestinationPath: "adapter_config.json")
    for command in ["inspect", "validate"] {
      let run = try peftkit(command, copy.path)
      #expect(
        run.errors
          == "error: \(copy.configPath): cannot open: Too many levels of symbolic links\n")
      #expect(run.exitCode == 2)
    }
  }

  @Test("a file's name does not end in a slash (L8)")
  func slash() throws {
    let directory = try TemporaryDirectory()
    let adapter = Fixtures.adapter("mpt-one-token")
    let weights = adapter + "/adapter_model.safetensors"
    let output = directory.path("out.npy/")
    for arguments in [
      ["convert", weights, output, "--to", "torch"],
      ["convert", weights, output, "--to", "safetensors", "--dry-run"],
      ["forward", adapter, "--tasks", "0", "-o", output],
      ["mpt", "bake", adapter, "--task", "0", "--as", "npy", "-o", output],
      ["metadata", weights, "--set", "a=b", "-o", output],
    ] {
      let run = try peftkit(arguments)
      #expect(
        run.errors == """
          error: \(output): ends in a slash, but the output is a file
          hint: remove the slash

          """)
      #expect(run.exitCode == 2)
    }
    #expect(try directory.names.isEmpty)
    // A directory's does.
    let selected = try peftkit("mpt", "select", adapter, "--tasks", "0", "-o", output)
    #expect(selected.exitCode == 0)
  }

  @Test("damaged configs are named with the byte (C18, L3)")
  func damagedConfig() throws {
    let copy = try AdapterCopy(of: "mpt-one-token")
    try Data("{\"peft_type\": }".utf8).write(to: URL(fileURLWithPath: copy.configPath))
    for arguments in [["inspect", copy.path], ["validate", copy.path], ["config", copy.path]] {
      let run = try peftkit(arguments)
      #expect(run.errors.hasPrefix("error: \(copy.configPath): "))
      #expect(run.errors.contains("(byte 14)"))
      #expect(run.exitCode == 2)
      #expect(run.output.isEmpty)
    }
  }

  @Test("output that cannot be written is exit code 2 (L1)")
  func fullOutput() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Tool.path)
    process.arguments = ["inspect", Fixtures.adapter("mpt-one-token")]
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 2)
  }

  /// Names and values that would recolour, move or reorder text on a terminal.
  static let evil = "a\u{1B}[31m\u{07}\u{9B}2J\u{202E}\r\nb\u{7F}\u{2028}"

  static let evilAdapter: @Sendable () throws -> AdapterCopy = {
    let copy = try AdapterCopy(of: "mpt-one-token")
    try copy.changeWeights {
      $0.metadata = [evil: evil]
      $0.tensors.append(.init(evil, [1], floats: [.nan]))
    }
    let escaped = #"a\u001b[31m\u0007\u009b2J\u202e\r\nb\u007f\u2028"#
    try copy.replaceInConfig(
      "\"auto_mapping\": null", "\"auto_mapping\": {\"\(escaped)\": \"\(escaped)\"}")
    try copy.replaceInConfig("\"task_type\": \"CAUSAL_LM\"", "\"task_type\": \"\(escaped)\"")
    try copy.replaceInConfig("\"revision\": null", "\"\(escaped)\": null")
    return copy
  }

  @Test(
    "text from files never reaches the terminal raw (L5)",
    arguments: [
      ["inspect"], ["inspect", "--json"], ["validate"], ["validate", "--json"], ["config"],
    ])
  func escapes(command: [String]) throws {
    let copy = try Self.evilAdapter()
    let run = try peftkit([command[0], copy.path] + command.dropFirst())
    #expect(run.exitCode == (command[0] == "validate" ? 1 : 0))
    #expect(run.errors.isEmpty)
    #expect(run.output.contains("31m"))
    expectHarmless(run.output)
    if command.contains("--json") { _ = try run.json() }
  }

  @Test("nor do names in references, paths and errors (L5)")
  func escapesInErrors() throws {
    let directory = try TemporaryDirectory()
    let adapter = Fixtures.adapter("mpt-one-token")
    let name = Self.evil.replacingOccurrences(of: "\n", with: "")
    let good = RawSafeTensors([
      .init(name + ".output", [1, 1, 5], floats: [1, 2, 3, 4, 5]),
      .init(name + ".task_ids", [1], integers: [0]),
    ])
    let path = try directory.write(good.encoded(), to: name + ".safetensors")
    for arguments in [
      ["verify", adapter, "--reference", path], ["verify", adapter, "--reference", path, "--json"],
    ] {
      let run = try peftkit(arguments)
      #expect(run.exitCode == 1)
      expectHarmless(run.output)
    }
    let bad = RawSafeTensors([.init(name + ".output", [1, 1, 5], floats: [1, 2, 3, 4, 5])])
    try directory.write(bad.encoded(), to: name + ".safetensors")
    let run = try peftkit("verify", adapter, "--reference", path)
    #expect(run.exitCode == 2)
    #expect(run.errors.components(separatedBy: "\n").count == 2)
    expectHarmless(run.errors)
  }

  private func expectHarmless(_ text: String) {
    for scalar in text.unicodeScalars where scalar != "\n" {
      let category = scalar.properties.generalCategory
      let isHarmless = ![.control, .format, .lineSeparator, .paragraphSeparator].contains(category)
      #expect(isHarmless, "U+\(String(scalar.value, radix: 16))")
    }
  }
}
