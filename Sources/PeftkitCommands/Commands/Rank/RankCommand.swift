// SPDX-License-Identifier: Apache-2.0
internal import AdapterAlgebra
internal import ArgumentParser
internal import Bridges
internal import Files
internal import LowRank
internal import PEFT
internal import Tensors

struct RankCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rank", _superCommandName: Tool.name,
    abstract: "Compress a LoRA adapter to lower ranks.",
    discussion: """
      Each module keeps the largest singular values of its update, which is the best approximation \
      of that rank. The output is a PEFT adapter with the same effective scales, and a table of the \
      relative errors: the share of the update's norm that was dropped. The base model is not \
      needed, and no matrix of its size is formed. A module never gets a higher rank than it has.

      --energy keeps a share of the squared singular values: 0.99 leaves an error of at most 0.1. \
      --for-ranks takes the ranks that a server is set up for; each module gets the lowest one that \
      keeps the energy, or keeps its own rank.

      peftkit mpt rank is the same for the task factors of multitask prompt tuning.

      EXAMPLES:
        peftkit rank my-adapter --to 16 -o smaller
        peftkit rank my-adapter --energy 0.99 -o smaller
        peftkit rank my-adapter --for-ranks 8,16,32,64 --energy 0.95 -o smaller
      """)

  @Argument(help: "A LoRA adapter: a directory, or a file of another library.", completion: .file())
  var adapter: CheckpointArgument

  @Option(
    name: .customLong("to"), help: ArgumentHelp("The rank of every module.", valueName: "rank"))
  var rank: Int?

  @Option(
    help: ArgumentHelp(
      "The share of the squared singular values to keep; 0.99 with --for-ranks.",
      valueName: "share"))
  var energy: Double?

  @Option(
    name: .customLong("for-ranks"),
    help: ArgumentHelp("The ranks to choose from, separated by commas.", valueName: "ranks"))
  var ranks: String?

  @Option(
    help: ArgumentHelp(
      "The base model, for files that do not name their modules fully.", valueName: "model"),
    completion: .file())
  var base: CheckpointArgument?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The new adapter.", valueName: "path"),
    completion: .directory)
  var output: String

  @Flag(help: "Print JSON, described in spec/adapter-algebra.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws { _ = try target() }

  /// The target that the options name.
  private func target() throws -> RankTarget {
    let target: RankTarget
    switch (rank, ranks) {
    case (nil, nil):
      guard let energy else {
        throw ValidationError("One of '--to', '--energy' and '--for-ranks' is needed.")
      }
      target = .energy(energy)
    case (let rank?, nil):
      guard energy == nil else {
        throw ValidationError("'--to' and '--energy' cannot be used together.")
      }
      target = .rank(rank)
    case (nil, let ranks?):
      let parts = ranks.split(separator: ",", omittingEmptySubsequences: false)
      let list = parts.compactMap { Int($0) }
      guard list.count == parts.count else {
        throw ValidationError("'--for-ranks' takes numbers separated by commas, such as 8,16,32.")
      }
      target = .listed(list, energy: energy ?? 0.99)
    case (_?, _?): throw ValidationError("'--to' and '--for-ranks' cannot be used together.")
    }
    do throws(CheckpointError) {
      try target.check()
    } catch {
      throw ValidationError(error.message)
    }
    return target
  }

  func run() throws {
    Interruption.noteSignals()
    try ComputedLoRA.checkPlace(output, policy: options.policy)
    let model = try base.map { try BaseModel(path: $0.path()) }
    let source = try AdapterHomes.openWhole(
      BridgeSource(path: adapter.path(), base: model)
    ).adapter
    let reduction = try RankReduction(of: source, to: target(), output: output)
    try reduction.result.write(to: output, policy: options.policy)
    try print(RankReport(reduction, path: output), json: json)
    Console.print(notes: reduction.notes)
  }
}
