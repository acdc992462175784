// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("report")
struct ReportTests {
  private let directory: TemporaryDirectory
  private var output: String { directory.path("page.html") }

  init() throws { directory = try TemporaryDirectory() }

  private func page() throws -> String {
    String(decoding: try bytes(of: output), as: UTF8.self)
  }

  @Test(
    "one path, two, and more make the three kinds of pages (L90)",
    arguments: [
      (["lora"], "LORA adapter"), (["lora/adapter_model.safetensors"], "Checkpoint file"),
      (["lora", "lora-dora"], "Comparison"), (["lora", "loha", "mpt-f64"], "Overview"),
      ([""], "Overview"),
    ])
  func kinds(names: [String], kind: String) throws {
    let run = try peftkit(["report"] + names.map(Fixtures.adapter) + ["-o", output])
    #expect(run.exitCode == 0 && run.output.isEmpty && run.errors.isEmpty)
    #expect(try page().contains("<p class=\"kind\">\(kind)</p>"))
    #expect(try directory.names == ["page.html"])
  }

  @Test("an overview has a row for each checkpoint, readable or not (J30, J32)")
  func overview() throws {
    try FileManager.default.createDirectory(
      atPath: directory.path("tree/broken"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: Fixtures.adapter("lora"), toPath: directory.path("tree/good"))
    try directory.write(Array("{".utf8), to: "tree/broken/adapter_config.json")
    let run = try peftkit("report", directory.path("tree"), "-o", output)
    #expect(run.exitCode == 0 && run.errors.isEmpty)
    let page = try page()
    #expect(page.contains("<code>good</code>") && page.contains("<code>broken</code>"))
    #expect(page.contains("unreadable") && page.contains("1 with errors"))
    // The root itself is a checkpoint, and --recursive looks below it.
    let file = try peftkit("report", directory.path("tree/good"), "--recursive", "-o", output)
    #expect(file.exitCode == 2 && file.errors.contains("already exists"))
    let forced = try peftkit(
      "report", directory.path("tree/good"), "--recursive", "-o", output, "--force")
    #expect(forced.exitCode == 0)
    #expect(try self.page().contains("<p class=\"kind\">Overview</p>"))
  }

  @Test("findings do not change the exit code, and have their remedies (J11, L90)")
  func findings() throws {
    let copy = try AdapterCopy(of: "lora")
    try copy.replaceInConfig("\"peft_type\": \"LORA\"", "\"peft_type\": \"lora\"")
    let run = try peftkit("report", copy.path, "-o", output)
    #expect(run.exitCode == 0)
    let page = try page()
    #expect(page.contains("unknown-peft-type"))
    #expect(page.contains("Set &quot;peft_type&quot; in the config to &quot;LORA&quot;."))
  }

  @Test("what cannot be read or written leaves nothing (L7, L9, L90)")
  func failures() throws {
    let missing = try peftkit("report", directory.path("none"), "-o", output)
    #expect(missing.exitCode == 2 && missing.errors.contains("none"))
    try FileManager.default.createDirectory(
      atPath: directory.path("empty"), withIntermediateDirectories: true)
    let empty = try peftkit("report", directory.path("empty"), "-o", output)
    #expect(empty.exitCode == 2 && empty.errors.contains("contains no adapter"))
    try directory.write([1], to: "page.html")
    let existing = try peftkit("report", Fixtures.adapter("lora"), "-o", output)
    #expect(existing.exitCode == 2 && existing.errors.contains("already exists"))
    #expect(try bytes(of: output) == [1])
    #expect(try directory.names == ["empty", "page.html"])
    #expect(try peftkit("report", Fixtures.adapter("lora")).exitCode == 64)
  }

  @Test("the numbers of modules are those of inspect (J13)")
  func numbers() throws {
    let path = Fixtures.adapter("lora")
    #expect(try peftkit("report", path, "-o", output).exitCode == 0)
    let page = try page()
    let modules = try #require(
      try peftkit("inspect", path, "--modules", "--json").json()["modules"] as? [[String: Any]])
    #expect(!modules.isEmpty)
    let shown = page.components(separatedBy: "<data value=\"").dropFirst().compactMap { part in
      Double(part.prefix { $0 != "\"" })
    }
    for module in modules {
      for key in ["norm", "effective_rank"] {
        let number = try #require(module[key] as? Double)
        // Foundation's JSON may round the last digit.
        #expect(shown.contains { abs($0 - number) <= 1e-15 * number }, "\(key) \(number)")
      }
    }
  }
}
