// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// spec/merging.md.
@Suite("merge")
struct MergeTests {
  private static let adapter = Fixtures.path("tutorials/lora")
  private static let base = Fixtures.path("tutorials/tiny-llama")

  private func merge(
    _ directory: TemporaryDirectory, _ name: String = "merged", _ options: [String] = []
  ) throws -> Run {
    try peftkit(
      ["merge", Self.adapter, "--base", Self.base, "-o", directory.path(name), "--no-sync"]
        + options)
  }

  @Test("changed weights are new, all others and the config keep their bytes (MG1, MG12)")
  func output() throws {
    let directory = try TemporaryDirectory()
    let run = try merge(directory)
    #expect(run.exitCode == 0 && run.errors.isEmpty, "\(run.errors)")
    #expect(run.output.contains("q_proj") && run.output.contains("100.0 %"))
    #expect(!run.output.contains("warning"))
    let diff = try peftkit("diff", Self.base, directory.path("merged"), "--json").json()
    let tensors = try #require(diff["tensors"] as? [String: Any])
    let changed = try #require(tensors["changed"] as? [[String: Any]])
    #expect(changed.count == 4 && tensors["same_count"] as? Int == 17)
    #expect(
      try Data(contentsOf: URL(filePath: directory.path("merged/config.json")))
        == Data(contentsOf: URL(filePath: Self.base + "/config.json")))
  }

  @Test("a dry run writes nothing and has the same modules (MG13, MG14)")
  func dryRun() throws {
    let directory = try TemporaryDirectory()
    let plan = try merge(directory, "merged", ["--dry-run", "--json"]).json()
    #expect(!FileManager.default.fileExists(atPath: directory.path("merged")))
    #expect(plan["dry_run"] as? Bool == true && plan["total"] is NSNull)
    let planned = try #require(plan["modules"] as? [[String: Any]])
    let made = try merge(directory, "merged", ["--json"]).json()
    let modules = try #require(made["modules"] as? [[String: Any]])
    #expect(planned.map { $0["name"] as? String } == modules.map { $0["name"] as? String })
    #expect(modules.allSatisfy { ($0["survival"] as? [String: Any])?["kept"] is Double })
    #expect(Set(made.keys) == Set(plan.keys))
    let total = try #require(made["total"] as? [String: Any])
    #expect(total["element_count"] as? Int == 4 * 256)
  }

  @Test(
    "of a small change in BF16 little survives, which is a warning with a remedy (MG7, MG10, MG11)")
  func survival() throws {
    let directory = try TemporaryDirectory()
    let run = try merge(directory, "small", ["--scale", "0.0002", "--dtype", "bfloat16"])
    #expect(run.exitCode == 0)
    #expect(run.output.contains("warning: ") && run.output.contains("--dtype float32 keeps it"))
    #expect(run.output.contains("least is kept of"))
    let config = try String(contentsOfFile: directory.path("small/config.json"), encoding: .utf8)
    #expect(config.contains("\"dtype\": \"bfloat16\""))
    let whole = try merge(directory, "large", ["--scale", "0.0002"])
    #expect(!whole.output.contains("warning"))
  }

  @Test("a scale belongs to the adapter before it (MG6)", arguments: [false, true])
  func scales(sumsFirst: Bool) throws {
    let directory = try TemporaryDirectory()
    let options =
      ["--adapter", Self.adapter, "--scale=0.25", "--json"] + (sumsFirst ? ["--sum-first"] : [])
    let json = try merge(directory, "both", options).json()
    let adapters = try #require(json["adapters"] as? [[String: Any]])
    #expect(adapters.map { $0["scale"] as? Double } == [1, 0.25])
    let modules = try #require(json["modules"] as? [[String: Any]])
    #expect(modules.count == (sumsFirst ? 4 : 8))
    // Both are the adapter at a scale of 1.25, but for rounding.
    #expect(try merge(directory, "one", ["--scale", "1.25"]).exitCode == 0)
    let diff = try peftkit("diff", directory.path("one"), directory.path("both"), "--json").json()
    let changed = try #require((diff["tensors"] as? [String: Any])?["changed"] as? [[String: Any]])
    for tensor in changed {
      let largest = try #require(tensor["largest_absolute_difference"] as? Double)
      #expect(largest < 5e-7)
    }
  }

  @Test(
    "wrong usage is refused (L1)",
    arguments: [
      ["--scale", "x"], ["--scale", "1", "--scale", "2"], ["--scale", "inf"], ["--sum-first"],
      ["--dtype", "int8"], ["--dtype", "*.weight=float32"], ["--like", "once"],
    ])
  func usage(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let run = try merge(directory, "merged", options)
    #expect(run.exitCode == 64, "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: directory.path("merged")))
  }

  @Test("an existing output and what cannot be merged are refused (MG9)")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    #expect(try merge(directory).exitCode == 0)
    let again = try merge(directory)
    #expect(again.exitCode == 2 && again.errors.contains("--force"))
    #expect(try merge(directory, "merged", ["--force", "--like", "safe"]).exitCode == 0)
    let prompt = try peftkit(
      "merge", Fixtures.path("adapters/prompt-tuning"), "--base", Self.base, "-o",
      directory.path("no"))
    #expect(prompt.exitCode == 2 && prompt.errors.contains("PROMPT_TUNING"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path("")) == ["merged"])
  }

  @Test("the page of an adapter says what would survive (J34)")
  func report() throws {
    let directory = try TemporaryDirectory()
    let page = directory.path("page.html")
    let run = try peftkit(
      "report", Self.adapter, "--base", Self.base, "--survival", "-o", page)
    #expect(run.exitCode == 0, "\(run.errors)")
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(html.contains("After a merge") && html.contains("What is left by kind of module"))
    #expect(try peftkit("report", Self.adapter, "--survival", "-o", page).exitCode == 64)
  }
}
