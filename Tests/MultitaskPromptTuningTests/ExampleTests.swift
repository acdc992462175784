import Files
import MultitaskPromptTuning
import PEFT
import TestSupport
import Testing

@Suite("The example of the documentation")
struct ExampleTests {
  @Test("compiles and runs")
  func example() throws {
    let directory = try TemporaryDirectory()
    try example(source: Fixtures.adapter("mpt-causal-lm"), output: directory.path)
    #expect(try directory.names == ["fresh", "prompt.npy", "two-tasks"])
  }

  // The code of the documentation, and nothing else.
  private func example(source: String, output: String) throws {
    // Open an adapter that PEFT saved, and compute the prompts of two tasks.
    let adapter = try MultitaskPromptAdapter(path: source)
    let input = try PromptInput(taskIDs: [2, 0], for: adapter.dimensions)
    let prompts = try adapter.embedding.forward(input)
    print(prompts.shape)  // [2, virtual tokens, token dimension]

    // One task alone, for tools that know nothing of multitask prompt tuning.
    try adapter.prompt(ofTask: 2).write(as: .npy, to: output + "/prompt.npy")

    // Two of the tasks, in another order, as an adapter that PEFT loads.
    try adapter.selecting(tasks: [2, 0]).write(to: output + "/two-tasks")

    // A fresh adapter, the same on every machine.
    let config = MultitaskPromptTuningConfig(
      virtualTokenCount: 20, tokenDimension: 768, taskCount: 8, taskType: .causalLanguageModel)
    try MultitaskPromptInitialization(config, seed: 7).run().write(to: output + "/fresh")
  }

  @Test(
    "is the one that the documentation shows",
    arguments: [
      "Sources/MultitaskPromptTuning/Documentation.docc/MultitaskPromptTuning.md", "README.md",
    ])
  func isShown(page: String) throws {
    let shown = try ShownExample(in: page, number: 0)
    #expect(shown.lines.count > 8)
    #expect(try shown.missing(from: #filePath) == [])
  }
}
