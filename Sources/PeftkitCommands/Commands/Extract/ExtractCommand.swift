// SPDX-License-Identifier: Apache-2.0
internal import AdapterAlgebra
internal import ArgumentParser
internal import Files
internal import PEFT
internal import Tensors

struct ExtractCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract", _superCommandName: Tool.name,
    abstract: "Take a LoRA adapter out of a model and its base.",
    discussion: """
      Linear layers and convolutions whose weights differ get the low-rank update that is nearest to \
      the difference, by a randomised singular value decomposition with the given seed. The output \
      is a PEFT adapter, and a table of the relative errors, which are measured element by element. \
      Weights are read block by block; neither model is loaded.

      Norms, biases, embeddings and experts that differ are in no update: they are refused by name, \
      unless --save-others saves them as they are in the tuned model, or --skip-others leaves them \
      out.

      EXAMPLES:
        peftkit extract base-model tuned-model -o my-adapter --rank 32
        peftkit extract base-model tuned-model -o my-adapter --rank 128 --energy 0.99
        peftkit extract base-model tuned-model -o my-adapter --rank 32 --save-others
      """)

  @Argument(
    help: "The base model: a directory, an index of shards, or a weights file.",
    completion: .file())
  var base: CheckpointArgument

  @Argument(help: "The same model after training.", completion: .file())
  var tuned: CheckpointArgument

  @Option(help: ArgumentHelp("The rank of each module, at most.", valueName: "rank"))
  var rank: Int

  @Option(
    help: ArgumentHelp(
      "The share of the squared singular values that a module keeps, if the rank allows.",
      valueName: "share"))
  var energy: Double?

  @Option(help: ArgumentHelp("The seed of the random vectors.", valueName: "number"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("The dtype of the factors.", valueName: "dtype"))
  var dtype: ComputeDType = .float32

  @Flag(help: "Save other tensors that differ, as they are in the tuned model.")
  var saveOthers = false

  @Flag(help: "Leave out other tensors that differ.")
  var skipOthers = false

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The new adapter.", valueName: "path"),
    completion: .directory)
  var output: String

  @Flag(help: "Print JSON, described in spec/adapter-algebra.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if saveOthers, skipOthers {
      throw ValidationError("'--save-others' and '--skip-others' cannot be used together.")
    }
    do throws(CheckpointError) {
      try extraction.check()
    } catch {
      throw ValidationError(error.message)
    }
  }

  private var extraction: ExtractionOptions {
    ExtractionOptions(
      rank: rank, energy: energy, seed: seed, dtype: dtype.dtype,
      others: saveOthers ? .saved : skipOthers ? .skipped : .refused, output: output,
      baseName: base.text)
  }

  func run() throws {
    Interruption.noteSignals()
    try ComputedLoRA.checkPlace(output, policy: options.policy)
    let extraction = try ModelExtraction(
      of: BaseModel(path: tuned.path()), from: BaseModel(path: base.path()), options: extraction)
    try extraction.result.write(to: output, policy: options.policy)
    try print(ExtractionReport(extraction, seed: seed, path: output), json: json)
    Console.print(notes: notes(extraction))
  }

  private func notes(_ extraction: ModelExtraction) -> [String] {
    guard !extraction.others.isEmpty else { return [] }
    let count = Sizes.count(extraction.others.count, "other tensor")
    return [
      extraction.savesOthers
        ? "\(count) saved whole, which some runtimes do not load"
        : "\(count) left out: the adapter is not all of the difference"
    ]
  }
}
