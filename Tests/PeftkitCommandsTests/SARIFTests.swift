// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// spec/command-line.md, L80.
@Suite("--sarif")
struct SARIFTests {
  private func run(_ run: Run) throws -> (rules: Set<String>, results: [[String: Any]], ok: Bool?) {
    let json = try run.json()
    #expect(json["version"] as? String == "2.1.0")
    let runs = try #require(json["runs"] as? [[String: Any]])
    #expect(runs.count == 1)
    let driver = try #require((runs[0]["tool"] as? [String: Any])?["driver"] as? [String: Any])
    #expect(driver["name"] as? String == "peftkit")
    let rules = (driver["rules"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
    let invocations = runs[0]["invocations"] as? [[String: Any]]
    return (
      Set(rules), try #require(runs[0]["results"] as? [[String: Any]]),
      invocations?.first?["executionSuccessful"] as? Bool
    )
  }

  private func place(_ result: [String: Any]) -> (uri: String?, name: String?) {
    let location = (result["locations"] as? [[String: Any]])?.first
    let physical = location?["physicalLocation"] as? [String: Any]
    let logical = (location?["logicalLocations"] as? [[String: Any]])?.first
    return (
      (physical?["artifactLocation"] as? [String: Any])?["uri"] as? String,
      logical?["name"] as? String
    )
  }

  @Test("a finding has its rule, level, message and place")
  func one() throws {
    let copy = try AdapterCopy(of: "mpt-average-source-tasks")
    let plain = try peftkit("validate", copy.path, "--json").json()
    let finding = try #require((plain["findings"] as? [[String: Any]])?.first)
    let report = try peftkit("validate", copy.path, "--sarif")
    #expect(report.exitCode == 1)
    let (rules, results, isComplete) = try run(report)
    #expect(results.count == (plain["findings"] as? [Any])?.count)
    let result = try #require(results.first)
    #expect(result["ruleId"] as? String == finding["code"] as? String)
    #expect(result["level"] as? String == finding["severity"] as? String)
    #expect(
      (result["message"] as? [String: Any])?["text"] as? String == finding["message"] as? String)
    #expect(place(result).uri == "file://\(copy.path)/adapter_config.json")
    #expect(place(result).name == "prompt_tuning_init_state_dict_path")
    #expect(rules.contains("source-initialization") && rules.contains("unreadable"))
    #expect(isComplete == true)
  }

  @Test("a tree has one log, and names of files are escaped")
  func tree() throws {
    let directory = try TemporaryDirectory()
    let source = directory.path("a b é")
    try FileManager.default.copyItem(
      atPath: Fixtures.adapter("mpt-average-source-tasks"), toPath: source)
    try directory.write([1, 2, 3], to: "x.safetensors")
    let report = try peftkit("validate", directory.path, "--recursive", "--sarif")
    #expect(report.exitCode == 2)
    let (_, results, isComplete) = try run(report)
    #expect(
      results.compactMap { $0["ruleId"] as? String } == ["unreadable", "source-initialization"])
    #expect(place(results[1]).uri?.hasSuffix("/a%20b%20%C3%A9/adapter_config.json") == true)
    #expect(place(results[0]).uri?.hasSuffix("/x.safetensors") == true)
    #expect(isComplete == false)
    #expect(try peftkit("validate", source, "--json", "--sarif").exitCode == 64)
  }

  @Test("scan prints its findings with their places, and what cannot be read (S32)")
  func scan() throws {
    let directory = try TemporaryDirectory()
    for name in ["a", "b", "c"] {
      try FileManager.default.createDirectory(
        atPath: directory.path(name), withIntermediateDirectories: true)
    }
    try directory.write(bytes(of: ScanTests.vectors + "code/reduce.bin"), to: "a/evil.bin")
    try directory.write(bytes(of: ScanTests.vectors + "damaged/cut-short.bin"), to: "b/cut.bin")
    try directory.write(bytes(of: ScanTests.vectors + "good/ordered.bin"), to: "c/good.bin")
    let found = try peftkit("scan", directory.path, "--sarif")
    #expect(found.exitCode == 1)
    let (rules, results, isComplete) = try run(found)
    #expect(isComplete == true)
    #expect(rules.contains("import") && rules.contains("limit") && rules.contains("unreadable"))
    let json = try peftkit("scan", directory.path, "--json").json()
    let files = try #require(json["files"] as? [[String: Any]])
    let findings = files.flatMap { $0["findings"] as? [[String: Any]] ?? [] }
    #expect(results.map { $0["ruleId"] as? String } == findings.map { $0["code"] as? String })
    #expect(
      results.map { $0["level"] as? String }
        == findings.map { $0["kind"] as? String == "code" ? "error" : "warning" })
    #expect(Set(results.compactMap { $0["level"] as? String }) == ["error", "warning"])
    #expect(results.map { place($0).name } == findings.map { $0["place"] as? String })
    #expect(place(results[0]).uri == "file://\(directory.path)/a/evil.bin")
    // A file that cannot be opened does not hide the others.
    try FileManager.default.createSymbolicLink(
      atPath: directory.path("gone.bin"), withDestinationPath: "nowhere")
    let partial = try peftkit("scan", directory.path, "--sarif")
    #expect(partial.exitCode == 2)
    let (_, all, isWhole) = try run(partial)
    #expect(all.count == results.count + 1)
    #expect(all.last?["ruleId"] as? String == "unreadable")
    #expect(place(all[all.count - 1]).uri == "file://\(directory.path)/gone.bin")
    #expect(isWhole == false)
    #expect(try peftkit("scan", directory.path, "--json", "--sarif").exitCode == 64)
  }

  @Test("a file without findings has a log without results (S32)")
  func nothingFound() throws {
    let found = try peftkit("scan", ScanTests.vectors + "good/ordered.bin", "--sarif")
    #expect(found.exitCode == 0)
    #expect(try run(found).results.isEmpty)
  }
}
