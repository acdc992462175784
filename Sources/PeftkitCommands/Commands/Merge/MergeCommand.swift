// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
internal import Checkpoints
internal import Concurrency
internal import Conversion
internal import Files
public import Merging
internal import PEFT
internal import Tensors

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", _superCommandName: Tool.name,
    abstract: "Merge an adapter into the weights of its base model.",
    discussion: """
      Writes the base model with the adapter in its weights, for servers and runtimes that take no \
      adapters. The model is read and written file by file, in memory that does not grow with it; \
      its config and other files are copied. The output appears complete or not at all.

      Each weight is the sum in F32, rounded once to the dtype of the model. --like plain and \
      --like safe round as PEFT's merge_and_unload does, and as it does with safe_merge=True. \
      Several adapters are merged in their order, each with its own --scale.

      Prints how much of the adapter survives the rounding, by kind of module. What cannot be \
      merged, such as a quantized base model, is refused before anything is written.

      EXAMPLES:
        peftkit merge my-adapter --base my-model -o merged
        peftkit merge my-adapter --base -o merged --dtype float32
        peftkit merge style --scale 0.5 --adapter facts --base my-model -o merged
        peftkit merge my-adapter --base my-model -o merged --dry-run --json
      """)

  @Argument(help: "The directory of an adapter.", completion: .directory)
  var adapter: CheckpointArgument

  @Option(
    help: ArgumentHelp(
      "The base model: its directory, an index of shards or a weights file. Without a value, the "
        + "model that the adapter's config names is taken from the local Hub cache.",
      valueName: "model"),
    completion: .file())
  var base: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The directory to write; a file, if the base model is one.", valueName: "dst"),
    completion: .file())
  var output: String

  @Option(
    name: .customLong("adapter"),
    help: ArgumentHelp("Another adapter, merged after the one before. Repeat for more."),
    completion: .directory)
  var others: [CheckpointArgument] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Multiply the scale of the adapter before this option by a number, as set_scale does.",
      valueName: "x"))
  var scale: [ScaleArgument] = []

  @Option(
    help: ArgumentHelp(
      "Cast the base model to a dtype as torch spells it, such as bfloat16, and merge in that.",
      valueName: "dtype"),
    transform: { try MergeCommand.dtype($0) })
  var dtype: DType?

  @Option(help: ArgumentHelp("Round as PEFT's merge does: plain or safe.", valueName: "mode"))
  var like: MergeStyle?

  @Flag(help: "Add up the updates of several adapters before the only rounding.")
  var sumFirst = false

  @OptionGroup var shardSize: ShardSizeOption

  @Flag(help: "Show what would be merged and written, and write nothing.")
  var dryRun = false

  @Flag(help: "Print JSON, described in spec/merging.md.")
  var json = false

  @OptionGroup var writing: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    for value in scale where value.factor?.isFinite != true || value.adapter > others.count {
      throw ValidationError("--scale takes a finite number, not '\(value.text.printable)'.")
    }
    for (place, value) in scale.enumerated()
    where scale[..<place].contains(where: { $0.adapter == value.adapter }) {
      throw ValidationError("An adapter takes one --scale, after it.")
    }
    if sumFirst, others.isEmpty {
      throw ValidationError("--sum-first is for several adapters; name another with --adapter.")
    }
  }

  func run() throws {
    var options = MergeOptions(policy: writing.policy)
    options.dtype = dtype
    options.style = like ?? .once
    options.sumsFirst = sumFirst
    options.shardByteCount = shardSize.byteCount
    let written = ByteCounter()
    options.policy.written = written
    let sources = try sources()
    let model = try BaseModelSource(argument: base).model(for: sources[0].adapter.config)
    let plan = try MergeJob(sources, into: model, destination: output, options: options).plan()
    guard !dryRun else {
      try print(MergeRun(plan: plan, result: nil), json: json)
      if !json { Console.print(notes: plan.notes + ConversionNotes(plan.conversion.report).lines) }
      return
    }
    // Until here, a signal ends the process at once: nothing was written.
    Interruption.noteSignals()
    let result = try TransferProgress.showing(written, of: plan.tensorByteCount) {
      () throws(CheckpointError) in try plan.execute()
    }
    Console.print(
      notes: plan.notes + ConversionNotes(plan.conversion.report, casts: plan.casts).lines)
    try print(MergeRun(plan: plan, result: result), json: json)
  }

  /// The adapters with their factors, in the order of merging.
  private func sources() throws(CheckpointError) -> [MergeTargets.Source] {
    var sources: [MergeTargets.Source] = []
    for argument in [adapter] + others {
      sources.append(MergeTargets.Source(try Adapter(path: argument.path())))
    }
    for value in scale { sources[value.adapter].scale = value.factor ?? 1 }
    return sources
  }

  /// Parses a dtype that a weight can have.
  private static func dtype(_ text: String) throws -> DType {
    let rule = try CastRule(parsing: text)
    let dtype = rule.dtype
    guard rule.pattern == nil, dtype.isFloatingPoint, dtype.byteCount.map({ $0 >= 2 }) == true
    else {
      throw ValidationError(
        "--dtype takes float32, float16, bfloat16 or float64, not '\(text.printable)'.")
    }
    return dtype
  }
}

extension MergeStyle: ExpressibleByArgument {
  /// The modes that an argument names: without it, sums are rounded once.
  public static var allValueStrings: [String] { ["plain", "safe"] }

  /// Parses a mode.
  public init?(argument: String) {
    guard Self.allValueStrings.contains(argument) else { return nil }
    self.init(rawValue: argument)
  }
}
