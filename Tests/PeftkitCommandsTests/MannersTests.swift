// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("Notes, colors and suggestions")
struct MannersTests {
  @Test("every command has --quiet (L91)", arguments: UsageTests.commands)
  func quietExists(path: [String]) throws {
    #expect(try peftkit(path + ["--help"]).output.contains("\n  -q, --quiet  "))
  }

  @Test("--quiet leaves out notes, and nothing else (L91)", arguments: ["--quiet", "-q"])
  func quiet(option: String) throws {
    let directory = try TemporaryDirectory()
    let source = directory.path("source")
    try FileManager.default.copyItem(atPath: Fixtures.adapter("lora"), toPath: source)
    // Superseded weights are left out, with a note.
    try directory.write(
      bytes(of: Fixtures.adapter("lora-bin") + "/adapter_model.bin"), to: "source/adapter_model.bin"
    )
    let loud = try peftkit("convert", source, directory.path("loud"))
    #expect(loud.exitCode == 0)
    #expect(loud.errors.hasPrefix("note: "))
    let quiet = try peftkit("convert", source, directory.path("quiet"), option)
    #expect(quiet.exitCode == 0)
    #expect(quiet.errors.isEmpty)
    #expect(try contents(of: directory.path("quiet")) == contents(of: directory.path("loud")))

    let failed = try peftkit("convert", source, directory.path("quiet"), option)
    #expect(failed.exitCode == 2)
    #expect(failed.errors.contains("error: "))
    #expect(failed.errors.contains("hint: --force replaces it"))
    let result = try peftkit("inspect", source)
    #expect(try peftkit("inspect", source, option).output == result.output)
  }

  @Test(
    "the environment decides on colors (L5, L92)",
    arguments: [
      ([:], false), (["CLICOLOR_FORCE": "1"], true), (["CLICOLOR_FORCE": "0"], false),
      (["CLICOLOR_FORCE": ""], false), (["CLICOLOR_FORCE": "1", "NO_COLOR": "1"], false),
      (["CLICOLOR_FORCE": "1", "NO_COLOR": ""], true),
      (["CLICOLOR_FORCE": "1", "TERM": "dumb"], true),
    ] as [([String: String], Bool)])
  func colors(environment: [String: String], isColored: Bool) throws {
    let good = Fixtures.adapter("lora")
    let text = try peftkit(["inspect", good], environment: environment)
    #expect(text.output.contains("\u{1B}[") == isColored)
    let error = try peftkit(["inspect", good + "/adapter_config.json"], environment: environment)
    #expect(error.errors.hasPrefix(isColored ? "\u{1B}[31merror:" : "error:"))
    let json = try peftkit(["inspect", good, "--json"], environment: environment)
    #expect(!json.output.contains("\u{1B}"))
  }

  @Test(
    "a wrong word is answered with the nearest right ones (L94)",
    arguments: [
      (["inspec", "x"], "Error: Unknown command 'inspec'; did you mean inspect?\n"),
      (["validat", "x", "--json"], "Error: Unknown command 'validat'; did you mean validate?\n"),
      (["mpt", "selct", "x", "-o", "y"], "Error: Unknown command 'selct'; did you mean select?\n"),
      (["help", "convrt"], "Error: Unknown command 'convrt'; did you mean convert?\n"),
      (["frobnicate"], "Error: Unknown command 'frobnicate'\n"),
      (["inspect", "x", "--jsn"], "Unknown option '--jsn'. Did you mean '--json'?\n"),
      (
        ["convert", "a", "b", "--to", "safetensor"],
        "\nDid you mean safetensors?\n"
      ),
      (["convert", "a", "b", "--to", "torhc"], "\nDid you mean torch?\n"),
      (["convert", "a", "b", "--to", "onnx"], "one of the following:\n  - safetensors\n"),
      (
        ["convert", "a", "b", "--dtype", "flot16"],
        "unknown dtype 'flot16'; did you mean float16?\n"
      ),
      (["convert", "a", "b", "--dtype", "fp16"], "unknown dtype 'fp16'; did you mean float16?\n"),
      (
        ["forward", "a", "--tasks", "0", "--dtype", "floot32", "-o", "x"], "Did you mean float32?\n"
      ),
      (["validate", "a", "--for", "vlm"], "unknown runtime 'vlm'; did you mean vllm?\n"),
      (["validate", "a", "--for", "ollama"], "unknown runtime 'ollama'; there are llama.cpp, "),
      (["validate", "a", "--fail-on", "warnings"], "Did you mean warning?\n"),
      (
        ["validate", "a", "--ignore", "superseeded-weight"],
        "unknown code 'superseeded-weight'; did you mean superseded-weights?\n"
      ),
    ])
  func suggestions(arguments: [String], message: String) throws {
    let run = try peftkit(arguments)
    #expect(run.exitCode == 64)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains(message), "\(run.errors)")
    #expect(run.errors.contains("\nUsage: peftkit "))
  }

  @Test("a path in the place of a command is shown how to inspect (L94)")
  func pathForCommand() throws {
    let run = try peftkit(["adapters/lora"], in: Fixtures.path(""))
    #expect(run.exitCode == 64)
    #expect(
      run.errors.hasPrefix(
        "Error: Unknown command 'adapters/lora'; to look at this path: peftkit inspect adapters/lora\n"
      ))
  }

  @Test(
    "a path that does not exist is answered with those next to it (L95)",
    arguments: [
      (["inspect", "adapters/lor"], "adapters/lokr or adapters/lora?"),
      (["inspect", "adaptrs/lora"], "adapters"),
      (
        ["inspect", "adapters/lora/adapter_modl.safetensors"],
        "adapters/lora/adapter_model.safetensors"
      ),
      (["convert", "adapters/mpt-causal-ml", "out"], "adapters/mpt-causal-lm"),
      (["convert", "adaptrs", "out", "--recursive"], "adapters"),
      (["validate", "adapterz", "--recursive"], "adapters"),
      (["scan", "adapters/mpt-causal-lmm"], "adapters/mpt-causal-lm"),
      (["verify", "adapters/lohaa", "--reference", "x"], "adapters/loha"),
    ])
  func nearPaths(arguments: [String], near: String) throws {
    let run = try peftkit(arguments, in: Fixtures.path(""))
    #expect(run.exitCode == 2)
    #expect(run.errors.contains("\nhint: did you mean \(near)"), "\(run.errors)")
  }

  @Test("a path that is like none gets no suggestion (L95)")
  func noNearPath() throws {
    let run = try peftkit(["inspect", "zzzzzzzz"], in: Fixtures.path(""))
    #expect(run.exitCode == 2)
    #expect(!run.errors.contains("hint:"))
  }
}
