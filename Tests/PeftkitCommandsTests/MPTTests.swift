// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("mpt")
struct MPTTests {
  static let adapter = Fixtures.adapter("mpt-rank4")

  @Test(
    "each command has help that fits a terminal (L6)",
    arguments: ["init", "bake", "select", "concat", "average", "rank", "canonicalize"])
  func help(command: String) throws {
    let run = try peftkit("mpt", command, "--help")
    #expect(run.exitCode == 0 && run.errors.isEmpty)
    #expect(run.output.contains("USAGE: peftkit mpt \(command) "))
    let lines = run.output.components(separatedBy: "\n")
    let start = try #require(lines.firstIndex(of: "EXAMPLES:"))
    for line in lines[(start + 1)...].prefix(while: { !$0.isEmpty }) {
      #expect(line.hasPrefix("  peftkit mpt \(command) "), "\(line)")
    }
  }

  @Test(
    "a wrong command line is exit code 64",
    arguments: [
      ["bake", "a", "-o", "o"], ["bake", "a", "--task", "1", "--all", "-o", "o"],
      ["bake", "a", "--task", "1", "--as", "onnx", "-o", "o"], ["select", "a", "-o", "o"],
      ["select", "a", "--tasks", "1", "--drop", "1", "-o", "o"], ["concat", "-o", "o"],
      ["average", "a", "--rank", "2", "-o", "o"], ["average", "a", "--json", "-o", "o"],
      ["rank", "a", "--to", "0", "-o", "o"], ["rank", "a", "--to=-1", "-o", "o"],
      ["average", "a", "--of", "prompts", "--rank", "0", "-o", "o"],
      ["bake", "a", "--task", "0", "--as", "npy", "--dtype", "bfloat16", "-o", "o"],
      ["average", "a", "--of", "factors", "--json", "-o", "o"], ["rank", "a", "-o", "o"],
      ["canonicalize", "a", "--tolerance", "1", "-o", "o"], ["init", "--config", "c"],
      ["init", "--config", "c", "--token-ids", "1", "-o", "o"],
      ["init", "--config", "c", "--word-embeddings", "f", "--token-ids", "1", "-o", "o"],
      ["init", "--config", "c", "--seed", "-1", "-o", "o"],
    ])
  func usage(arguments: [String]) throws {
    let run = try peftkit(["mpt"] + arguments)
    #expect(run.exitCode == 64, "\(run.errors)")
    #expect(run.output.isEmpty)
  }

  @Test("the same seed gives the same files (O5)")
  func initialize() throws {
    let output = try TemporaryDirectory()
    let config = Self.adapter + "/adapter_config.json"
    for (name, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
      let run = try peftkit(
        "mpt", "init", "--config", config, "--seed", seed, "-o", output.path(name))
      #expect(run.exitCode == 0 && run.output.isEmpty && run.errors.isEmpty)
    }
    #expect(try contents(of: output.path("a")) == contents(of: output.path("b")))
    #expect(try contents(of: output.path("a")) != contents(of: output.path("c")))
  }

  @Test("baking notes the rows that prompt tuning does not use (O25)")
  func unusedRows() throws {
    let output = try TemporaryDirectory()
    let run = try peftkit(
      "mpt", "bake", Fixtures.adapter("mpt-seq2seq"), "--task", "0", "-o", output.path("baked"))
    #expect(run.exitCode == 0 && run.output.isEmpty)
    #expect(run.errors.hasPrefix("note: PEFT generates with the first "))
  }

  @Test("commands write what the next one reads; reports as text and JSON (O30 to O36)")
  func chain() throws {
    let output = try TemporaryDirectory()
    func run(_ arguments: String...) throws -> Run {
      let run = try peftkit(["mpt"] + arguments)
      #expect(run.exitCode == 0, "\(run.errors)")
      return run
    }
    func path(_ name: String) -> String { output.path(name) }
    _ = try run("select", Self.adapter, "--tasks", "2,0", "-o", path("selected"))
    _ = try run("select", Self.adapter, "--drop", "0", "-o", path("dropped"))
    _ = try run("concat", path("selected"), path("dropped"), "-o", path("joined"))
    let rank = try run("rank", path("joined"), "--to", "2", "--json", "-o", path("lower")).json()
    #expect(Set(rank.keys) == ["path", "rank", "tasks"])
    #expect(rank["rank"] as? Int == 2)
    let tasks = try #require(rank["tasks"] as? [[String: Double]])
    #expect(tasks.count == 5)
    #expect(tasks.allSatisfy { ($0["relative_error"] ?? -1) > 0 })
    let text = try run("canonicalize", path("lower"), "-o", path("form")).output
    #expect(text.hasPrefix("  task  rank  relative error\n     0     2"))
    _ = try run("average", path("form"), "-o", path("mean"))
    _ = try run("average", path("form"), "--of", "prompts", "--rank", "3", "-o", path("mean3"))
    _ = try run("bake", path("mean3"), "--task", "0", "-o", path("baked"))
    for name in try output.names {
      #expect(try peftkit("validate", path(name)).exitCode == 0)
    }
  }

  @Test(
    "bad input is exit code 2, and leaves nothing",
    arguments: [
      (["bake", adapter, "--task", "4"], "there is no task 4: the adapter has tasks 0 to 3"),
      (["select", adapter, "--tasks", "0,9"], "there is no task 9"),
      (["rank", "/nowhere", "--to", "1"], "/nowhere"),
      (["bake", Fixtures.adapter("lora"), "--all"], "LORA"),
      (
        ["concat", adapter, Fixtures.adapter("mpt-causal-lm")],
        "differs in size (virtual tokens 8, not 10; token_dim 16, not 24) from \(adapter)"
      ),
      (
        [
          "init", "--config", Fixtures.adapter("mpt-average-source-tasks") + "/adapter_config.json",
        ],
        "hint: the config names it in \"prompt_tuning_init_state_dict_path\"; --source names "
          + "another"
      ),
      (
        ["init", "--config", Fixtures.adapter("mpt-text-init") + "/adapter_config.json"],
        "hint: give them with --word-embeddings and --token-ids"
      ),
      (
        ["init", "--config", Fixtures.adapter("mpt-seq-cls") + "/adapter_config.json"],
        "without the modules that it saves: classifier, score\nhint: name a checkpoint that contains "
          + "them, such as the base model's, with --heads"
      ),
      (
        ["init", "--config", adapter + "/adapter_config.json", "--source", "x"],
        "does not use a source"
      ),
      (["init", "--config", "/nowhere.json"], "/nowhere.json"),
    ] as [([String], String)])
  func refusals(arguments: [String], message: String) throws {
    let output = try TemporaryDirectory()
    let run = try peftkit(["mpt"] + arguments + ["-o", output.path("out")])
    #expect(run.exitCode == 2)
    #expect(run.output.isEmpty)
    #expect(run.errors.hasPrefix("error: ") && run.errors.contains(message), "\(run.errors)")
    #expect(try output.names.isEmpty)
  }

  @Test("an output that exists is replaced with --force only (L8, L9)")
  func force() throws {
    let output = try TemporaryDirectory()
    let select = ["mpt", "select", Self.adapter, "--tasks", "0", "-o", output.path("out")]
    #expect(try peftkit(select).exitCode == 0)
    let again = try peftkit(select)
    #expect(again.exitCode == 2 && again.errors.contains("already exists"))
    #expect(try peftkit(select + ["--force"]).exitCode == 0)
    // An adapter may take its own place.
    let own = ["mpt", "rank", output.path("out"), "--to", "1", "-o", output.path("out"), "--force"]
    #expect(try peftkit(own).exitCode == 0)
    #expect(try peftkit("validate", output.path("out")).exitCode == 0)
  }

  @Test("inspect shows the tasks, or says why not (O40)")
  func insight() throws {
    let json = try peftkit("inspect", Self.adapter, "--json").json()
    let multitask = try #require(json["multitask"] as? [String: Any])
    #expect(Set(multitask.keys) == ["skipped", "tasks", "cosine_similarities"])
    #expect(multitask["skipped"] is NSNull)
    let tasks = try #require(multitask["tasks"] as? [[String: Any]])
    #expect(tasks.count == 4)
    for task in tasks {
      #expect(Set(task.keys) == ["norm", "effective_rank", "singular_values"])
      #expect((task["singular_values"] as? [Double])?.count == 4)
    }
    let cosines = try #require(multitask["cosine_similarities"] as? [[Double]])
    #expect(cosines.indices.allSatisfy { cosines[$0][$0] == 1 && cosines[$0].count == 4 })

    let broken = try AdapterCopy(of: "mpt-rank4")
    try broken.changeWeights { file in
      for index in file.tensors.indices where file.tensors[index].name == "prefix_task_rows" {
        file.tensors[index].bytes.replaceSubrange(0..<4, with: [0, 0, 0xC0, 0x7F])
      }
    }
    let skipped = try peftkit("inspect", broken.path)
    #expect(skipped.exitCode == 0 && skipped.output.contains("tasks\n  not shown: "))
    #expect(try peftkit("inspect", broken.path, "--tasks").exitCode == 2)
    let lora = try peftkit("inspect", Fixtures.adapter("lora"), "--tasks")
    #expect(lora.exitCode == 2 && lora.errors.contains("has no tasks"))
  }

  @Test("a large adapter is looked into when asked (O40)")
  func largeInsight() throws {
    let output = try TemporaryDirectory()
    let source = Fixtures.adapter("mpt-causal-lm")
    let many = (0..<400).map { String($0 % 3) }.joined(separator: ",")
    let made = try peftkit("mpt", "select", source, "--tasks", many, "-o", output.path("many"))
    #expect(made.exitCode == 0)
    let run = try peftkit("inspect", output.path("many"))
    #expect(run.output.contains("not shown: the adapter is large (20531200 multiplications)"))
    let forced = try peftkit("inspect", output.path("many"), "--tasks")
    #expect(forced.output.contains("(--json has the cosines between the tasks)"))
  }

  @Test("a config is not replaced by what is initialised from it, unless it is the adapter's own")
  func configInOutput() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    let other = copy.path + "/other.json"
    try Data(bytes(of: copy.configPath)).write(to: URL(fileURLWithPath: other))
    let before = try contents(of: copy.directory.path("."))
    for (config, output) in [(other, copy.path), (copy.configPath, copy.directory.path("."))] {
      let run = try peftkit("mpt", "init", "--config", config, "-o", output, "--force")
      #expect(run.exitCode == 2)
      #expect(
        run.errors
          == "error: \(output): contains \(config), from which the adapter is initialized\n")
    }
    #expect(try contents(of: copy.directory.path(".")) == before)
    let run = try peftkit("mpt", "init", "--config", copy.configPath, "-o", copy.path, "--force")
    #expect(run.exitCode == 0)
  }
}
