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

  // The code of Documentation.docc/MultitaskPromptTuning.md, and nothing else.
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

  @Test("is the one that the documentation shows")
  func isShown() throws {
    let page = try bytes(
      of: Fixtures.projectRoot
        + "/Sources/MultitaskPromptTuning/Documentation.docc/MultitaskPromptTuning.md")
    let source = try bytes(of: #filePath)
    let text = String(decoding: page, as: UTF8.self)
    let start = try #require(text.firstRange(of: "```swift\n"))
    let rest = text[start.upperBound...]
    let end = try #require(rest.firstRange(of: "```"))
    let shown = rest[..<end.lowerBound].split(separator: "\n").map { String($0) }
    let own = String(decoding: source, as: UTF8.self)
    let indented = shown.map { $0.isEmpty ? $0 : "    " + $0 }
    let lines = Set(own.split(separator: "\n").map { String($0) })
    #expect(shown.count > 8)
    for line in indented { #expect(lines.contains(line), "\(line)") }
  }
}
