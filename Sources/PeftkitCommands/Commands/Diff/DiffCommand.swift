// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ArgumentParser
internal import Conversion
internal import PEFT
internal import Tensors

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", _superCommandName: Tool.name,
    abstract: "Compare two checkpoints.",
    discussion: """
      Compares files, indexes of shards, adapters or models in any format: the configs of two \
      adapters, and the tensors by name. Tensors differ when their dtypes, shapes or any bit of \
      their data differ; for each changed tensor it shows how many elements differ, by how much at \
      most, and where. The order of tensors, the container and the metadata do not count. Exit \
      code 1 when something differs.

      With --deltas it compares what two low-rank adapters compute, whatever kinds of files they \
      are: for each module the distance of the updates, and whether rounding explains it.

      EXAMPLES:
        peftkit diff my-adapter my-adapter-converted
        peftkit diff adapter_model.bin adapter_model.safetensors
        peftkit diff before after --json | jq '.tensors.changed[].name'
        peftkit diff my-adapter my-adapter-converted --deltas
      """)

  @Argument(
    help: "A checkpoint file, an index of shards, or the directory of an adapter or a model.",
    completion: .file())
  var a: CheckpointArgument

  @Argument(help: "Another checkpoint.", completion: .file())
  var b: CheckpointArgument

  @Flag(help: "Compare what two low-rank adapters compute.")
  var deltas = false

  @Option(
    help: ArgumentHelp(
      "With --deltas: the base model, where an adapter does not name its modules fully.",
      valueName: "model"), completion: .file())
  var base: CheckpointArgument?

  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

  @OptionGroup var reading: ReadingOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    guard base == nil || deltas else { throw ValidationError("--base needs --deltas") }
  }

  func run() throws {
    if deltas { return try compareDeltas() }
    let report = try DiffReport(
      .init(path: a.path(), reading: reading), .init(path: b.path(), reading: reading))
    for side in [report.a, report.b] where side.checkpoint.archive.codeRequest != nil {
      Console.print(notes: side.checkpoint.notes, about: side.path)
    }
    try print(report, json: json)
    if !report.isSame { throw ExitCode.finding }
  }

  private func compareDeltas() throws {
    let model = try base.map { argument throws(CheckpointError) in
      try BaseModel(path: argument.path())
    }
    let (first, second) = try DeltasReport.sides(a.path(), b.path(), base: model)
    let report = try DeltasReport(first, second)
    try print(report, json: json)
    if !report.isSame { throw ExitCode.finding }
  }
}
