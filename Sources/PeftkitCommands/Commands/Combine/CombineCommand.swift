// SPDX-License-Identifier: Apache-2.0
internal import AdapterAlgebra
public import ArgumentParser
internal import Bridges
internal import Files
internal import LowRank
internal import PEFT
internal import Tensors

struct CombineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "combine", _superCommandName: Tool.name,
    abstract: "Combine LoRA adapters into one.",
    discussion: """
      PEFT's add_weighted_adapter for files. Each adapter has a weight after a colon; without one it \
      is 1. The base model is not needed. The kinds:

        cat, svd           the weighted sum: exactly, and cut to --rank
        linear             weighted sums of the factors, a rough approximation
        ties, dare_linear, dare_ties, magnitude_prune
                           linear, with the factors pruned to --density
        ties_svd, dare_linear_svd, dare_ties_svd, magnitude_prune_svd
                           the same of the updates, cut to --rank

      The output is a table of the modules: the rank, and how far the result is from the weighted \
      sum, in parts of its norm.

      With --subtract-initial it makes plain LoRA of an adapter that was trained with PiSSA, OLoRA \
      or CorDA: the adapter that was saved before training is subtracted, and the rank doubles. \
      The result is for the unchanged base model.

      EXAMPLES:
        peftkit combine style:0.7 task:0.3 -o both
        peftkit combine style:0.7 task:0.3 --kind svd --rank 16 -o both
        peftkit combine style task --kind ties --density 0.2 -o both
        peftkit combine trained --subtract-initial initial -o plain
      """)

  @Argument(
    help: ArgumentHelp(
      "LoRA adapters with their weights: directories, or files of other libraries.",
      valueName: "adapter:weight"),
    completion: .file())
  var adapters: [WeightedArgument]

  @Option(help: "The kind of combination; cat by default.")
  var kind: CombinationKind?

  @Option(
    help: ArgumentHelp("The share of elements that pruning keeps, such as 0.2.", valueName: "share")
  )
  var density: Double?

  @Option(
    name: .customLong("majority-sign"),
    help:
      "For ties: the sign of the sum (total, the default), or that of most adapters (frequency).")
  var majoritySign: MajoritySign?

  @Option(
    help: ArgumentHelp(
      "The rank of the result, for svd; the largest rank of the adapters by default.",
      valueName: "rank"))
  var rank: Int?

  @Option(
    help: ArgumentHelp("The seed of random pruning, for dare; 0 by default.", valueName: "seed"))
  var seed: UInt64?

  @Option(
    name: .customLong("subtract-initial"),
    help: ArgumentHelp(
      "The adapter as it was before training, which is subtracted.", valueName: "adapter"),
    completion: .directory)
  var initial: CheckpointArgument?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The new adapter.", valueName: "path"),
    completion: .directory)
  var output: String

  @Flag(help: "Print JSON, described in spec/adapter-algebra.md.")
  var json = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    guard initial == nil else {
      guard adapters.count == 1, adapters[0].weight == nil, kind == nil, density == nil,
        majoritySign == nil, rank == nil, seed == nil
      else {
        throw ValidationError("'--subtract-initial' takes one adapter without a weight and a kind.")
      }
      return
    }
    let combination = combination
    if majoritySign != nil, !combination.kind.electsSigns {
      throw ValidationError("'--majority-sign' goes with kinds of ties only.")
    }
    if seed != nil, !combination.kind.isRandom {
      throw ValidationError("'--seed' goes with kinds of dare only.")
    }
    do throws(CheckpointError) {
      try combination.check()
    } catch {
      throw ValidationError(error.message)
    }
  }

  private var combination: CombinationOptions {
    CombinationOptions(
      kind: kind ?? .cat, density: density, majoritySign: majoritySign ?? .total, rank: rank,
      seed: seed ?? 0)
  }

  func run() throws {
    Interruption.noteSignals()
    try ComputedLoRA.checkPlace(output, policy: options.policy)
    var opened: [WeightedAdapter] = []
    for argument in adapters {
      opened.append(
        WeightedAdapter(try Self.open(argument.checkpoint), weight: argument.weight ?? 1))
    }
    if let initial {
      let plain = try InitialSubtraction(of: try Self.open(initial), from: opened[0].adapter)
      try plain.result.write(to: output, policy: options.policy)
      return try print(SubtractionReport(plain, path: output), json: json)
    }
    let combination = try Combination(of: opened, combination, output: output)
    let report = try CombinationReport(combination, kind: self.combination.kind, path: output)
    try combination.result.write(to: output, policy: options.policy)
    try print(report, json: json)
    Console.print(notes: combination.notes)
  }

  private static func open(
    _ argument: CheckpointArgument
  ) throws(CheckpointError) -> LowRankAdapter {
    try AdapterHomes.openWhole(BridgeSource(path: argument.path())).adapter
  }
}

/// An adapter with a weight, `adapter:0.7`.
struct WeightedArgument: ExpressibleByArgument {
  /// The adapter.
  let checkpoint: CheckpointArgument
  /// The number after the last colon; nil where there is none.
  let weight: Double?

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count > 1, let last = parts.last, let weight = Double(last) else {
      checkpoint = CheckpointArgument(argument: argument)
      weight = nil
      return
    }
    guard weight.isFinite else { return nil }
    checkpoint = CheckpointArgument(argument: String(argument.dropLast(last.count + 1)))
    self.weight = weight
  }
}

extension CombinationKind: ExpressibleByArgument {}

extension MajoritySign: ExpressibleByArgument {}
