// SPDX-License-Identifier: Apache-2.0
import PeftKit
import TestSupport
import Testing

// The code that pages of the API's documentation show, and nothing else. `make pages` compiles and runs that of
// README.md and docs/.

func derive(from source: String, into output: String) throws {
  // Open an adapter that PEFT saved, and compute the prompts of two tasks.
  let adapter = try MultitaskPromptAdapter(path: source)
  let input = try PromptInput(taskIDs: [2, 0], for: adapter.dimensions)
  let prompts = try adapter.embedding.forward(input)
  print(prompts.shape)  // [2, virtual tokens, token dimension]

  // One task as a bare array, for tools without multitask prompt tuning.
  try adapter.prompt(ofTask: 2).write(as: .checkpoint(.npy), to: output + "/prompt.npy")

  // Two of the tasks, in another order, as an adapter that PEFT loads.
  try adapter.selecting(tasks: [2, 0]).write(to: output + "/two-tasks")

  // A new adapter, the same on every machine.
  let config = MultitaskPromptTuningConfig(
    virtualTokenCount: 20, tokenDimension: 768, taskCount: 8, taskType: .causalLanguageModel)
  try MultitaskPromptInitialization(config, seed: 7).run().write(to: output + "/fresh")
}

func halve(_ source: String, into destination: String) throws {
  var options = ConversionOptions(format: .safetensors)
  options.casts = [CastRule(dtype: .float16)]
  let plan = try ConversionJob(source: source, destination: destination, options: options).plan()
  print(plan.files.map(\.name.string))  // [adapter_config.json, adapter_model.safetensors, …]
  let outcome = try plan.execute()
  print(outcome.byteCount, outcome.casts.map(\.counts.infiniteFromFinite))
}

@Suite("The examples of the documentation")
struct ExampleTests {
  @Test("adapters are opened, computed with and derived")
  func deriving() throws {
    let directory = try TemporaryDirectory()
    try derive(from: Fixtures.adapter("mpt-causal-lm"), into: directory.path)
    #expect(try directory.names == ["fresh", "prompt.npy", "two-tasks"])
  }

  @Test("an adapter is converted")
  func converting() throws {
    let directory = try TemporaryDirectory()
    try halve(Fixtures.adapter("lora"), into: directory.path + "/half")
    #expect(try directory.names == ["half"])
  }

  @Test(
    "the pages show this code",
    arguments: [
      ("Sources/PeftKit/Documentation.docc/PeftKit.md", 0),
      ("Sources/MultitaskPromptTuning/Documentation.docc/MultitaskPromptTuning.md", 0),
    ])
  func shown(page: String, number: Int) throws {
    let example = try ShownExample(in: page, number: number)
    #expect(example.lines.count > 5)
    #expect(try example.missing(from: #filePath) == [])
  }
}
