// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

struct ForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward", _superCommandName: Tool.name,
    abstract: "Compute the prompts of a multitask prompt tuning adapter.",
    discussion: """
      Computes the output of PEFT's module, in F32 unless --dtype is given, and writes it as a \
      reference file with one case, case0, which peftkit verify accepts.

      EXAMPLES:
        peftkit forward my-adapter --tasks 0,2 -o prompts.safetensors
        peftkit forward my-adapter --tasks 1 --dtype bfloat16 -o out.safetensors
        peftkit forward my-adapter --tasks 1 --indices i.safetensors -o o.safetensors
      """)

  @Argument(help: "An adapter directory.", completion: .directory)
  var adapter: CheckpointArgument

  @Option(
    help: ArgumentHelp(
      "Task ids from 0, separated by commas: one for each prompt, or one for all.", valueName: "ids"
    ))
  var tasks: TaskList

  @Option(
    help: ArgumentHelp(
      "A safetensors file with I64 indices [B, L]; without it, every virtual token in order.",
      valueName: "file"),
    completion: .file())
  var indices: String?

  @Option(help: "The dtype to compute in, as torch spells it.")
  var dtype: ComputeDType = .float32

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The safetensors file to write.", valueName: "out.safetensors"),
    completion: .file())
  var output: String

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func run() throws {
    Interruption.noteSignals()
    let adapter = try adapter.path()
    let embedding = try MultitaskPromptEmbedding(path: adapter)
    let input = try makeInput(for: embedding.dimensions, of: adapter)
    var file = try AtomicFile(path: output, policy: options.policy)
    let result = try embedding.forward(input, dtype: dtype.dtype)
    try ReferenceWriter.write(
      result, of: input, producer: "peftkit \(Version.current)", to: &file)
    try file.commit()
  }

  private func makeInput(
    for dimensions: MultitaskPromptDimensions, of adapter: String
  ) throws(CheckpointError) -> PromptInput {
    guard let indices else {
      do throws(CheckpointError) {
        return try PromptInput(taskIDs: tasks.ids, for: dimensions)
      } catch {
        throw error.inFile(adapter)
      }
    }
    do throws(CheckpointError) {
      return try PromptInput(taskIDs: tasks.ids, indicesFile: indices, for: dimensions)
    } catch {
      throw error.inFile(indices)
    }
  }
}
