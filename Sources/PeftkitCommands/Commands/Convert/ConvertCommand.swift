// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Concurrency
internal import ArgumentParser
internal import Bridges
internal import Checkpoints
internal import Conversion
internal import Files
internal import PEFT
internal import Tensors

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", _superCommandName: Tool.name,
    abstract: "Convert a checkpoint file, an adapter or a model, or a tree of them.",
    discussion: """
      A file becomes a file, in the format of --to or of DST's extension \
      (\(FormatName.extensions)). A directory becomes a directory: its weights are converted (to \
      \(CheckpointFormats.standard.name) unless --to is given), the config of an adapter is written \
      as PEFT writes it, and all other files are copied. The shards of an index are read as one \
      file; a model keeps its shards unless --max-shard-size changes them.

      With --to HOME, a LoRA adapter of any home becomes one of another (\(Self.homes)): names, layouts \
      and scales are converted, and the result is compared with the source.

      The output appears complete or not at all. With --force, DST may be SRC.

      EXAMPLES:
        peftkit convert adapter_model.bin adapter_model.safetensors
        peftkit convert my-adapter my-adapter-half --dtype float16
        peftkit convert model.safetensors.index.json merged.safetensors
        peftkit convert my-model my-model-split --max-shard-size 2GB
        peftkit convert weights.bin weights.npz --include '*.lora_*' --dry-run
        peftkit convert my-adapter my-adapter-mlx --to mlx
        peftkit convert --recursive adapters converted --resume --jobs 8
      """)

  @Argument(
    help: ArgumentHelp("The file or directory to read.", valueName: "src"), completion: .file())
  var given: CheckpointArgument

  @Argument(
    help: ArgumentHelp("The file or directory to write.", valueName: "dst"), completion: .file())
  var destination: String

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "The format to write, or the home of an adapter: \(Self.homes).", valueName: "format"))
  var outputKind: OutputKind?

  @OptionGroup var arguments: ConversionArguments

  @Flag(help: "Show what would be read and written, and write nothing.")
  var dryRun = false

  @Flag(
    help: "Print JSON (spec/command-line.md); with --dry-run, --recursive or a home.")
  var json = false

  @OptionGroup(title: "Adapters") var bridge: BridgeArguments

  @OptionGroup(title: "Trees") var bulk: BulkOptions

  @OptionGroup var output: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if let home { return try validateBridge(to: home) }
    if bridge.areGiven {
      throw ValidationError(
        "--base, --experts and --no-check are for adapters that go to another home; name it with --to."
      )
    }
    guard dryRun != bulk.recursive || !json else {
      throw ValidationError("--json goes with either --dry-run or --recursive.")
    }
    if bulk.recursive, let format, !format.isExpectedInTrees {
      let names = CheckpointFormats.all.filter(\.isExpectedInTrees).map(\.name)
      throw ValidationError(
        "--recursive writes \(names.joined(separator: " or ")), not \(format.name).")
    }
    // Reports a wrong command line with the usage of this command.
    switch bulk.recursive ? .directory : sourceKind {
    case .directory where !bulk.recursive && isNamedAsFile:
      throw ValidationError(
        "'\(destination.printable)' has the extension of a file, but a directory becomes a directory; "
          + "to convert the weights alone, name their file or index as the source.")
    case .directory:
      _ = try arguments.options(
        format: format ?? CheckpointFormats.standard, output: output)
    case .file where writtenFormat == nil:
      let extensions = CheckpointFormats.all.filter(\.isExpectedInTrees).map(\.fileExtension)
      throw ValidationError(
        "'\(destination.printable)' has no extension of a format; name a format with --to, or use "
          + "the extension \(extensions.joined(separator: " or ")).")
    default:
      // `run` reports a missing source.
      if let writtenFormat { _ = try arguments.options(format: writtenFormat, output: output) }
    }
  }

  /// The format that `--to` names.
  private var format: (any CheckpointFormat)? { outputKind?.format }

  /// The format that a file is written in; nil if neither an option nor the extension names one.
  private var writtenFormat: (any CheckpointFormat)? {
    if let format { return format }
    return arguments.maxShardSize == nil
      ? CheckpointFormats.format(ofFileName: destination) : CheckpointFormats.standard
  }

  /// The path of the source; that of the argument if it names nothing that exists.
  private var source: String { (try? given.path(isTree: bulk.recursive)) ?? given.text }

  /// Whether an adapter or a model is to become a directory with the name of a checkpoint file, which
  /// does not exist yet.
  private var isNamedAsFile: Bool {
    CheckpointFormats.format(ofFileName: destination) != nil
      && PathKind.existing(destination) != .directory
      && (AdapterDirectory.hasConfig(source) || ModelDirectory.isModel(source))
  }

  /// The kind of the source; the directory of a distributed checkpoint counts as the file that it
  /// becomes.
  private var sourceKind: PathKind? {
    ConversionJob.isDistributedCheckpoint(source) ? .file : PathKind.existing(source)
  }

  func run() throws {
    let source = try given.path(isTree: bulk.recursive)
    if let home {
      return try BridgeRun(
        source: source, destination: destination, home: home, arguments: bridge,
        dtype: arguments.dtype.last?.dtype, policy: output.policy, dryRun: dryRun, json: json
      ).run()
    }
    if bulk.recursive { return try convertTree() }
    let isDirectory = try PathKind(path: source) == .directory && sourceKind != .file
    let format = isDirectory ? self.format : writtenFormat
    var options = try arguments.options(
      format: format ?? CheckpointFormats.standard, output: output)
    let written = ByteCounter()
    options.policy.written = written
    let plan: ConversionPlan
    do throws(CheckpointError) {
      plan = try ConversionJob(source: source, destination: destination, options: options).plan()
    } catch {
      throw isDirectory && error.code == .missing ? hintingAtTree(error) : error
    }
    if dryRun {
      try print(PlanReport(plan), json: json)
      if !json { Console.print(notes: ConversionNotes(plan.report).lines) }
      return
    }
    // Until here, a signal ends the process at once: nothing was written.
    Interruption.noteSignals()
    let outcome = try TransferProgress.showing(written, of: plan.tensorByteCount) {
      () throws(CheckpointError) in try plan.execute()
    }
    Console.print(notes: ConversionNotes(outcome).lines)
  }

  private func convertTree() throws {
    let run = BulkRun(
      source: source, destination: destination,
      options: try arguments.options(
        format: format ?? CheckpointFormats.standard, output: output), bulk: bulk,
      json: json)
    if dryRun { return try run.list() }
    Interruption.noteSignals()
    try run.run()
  }
}

extension ConvertCommand {
  /// The names of homes, for help texts.
  fileprivate static var homes: String { AdapterHomes.all.map(\.name).joined(separator: ", ") }

  /// The home that an adapter goes to; nil for a conversion of files. A name that is a format, too, is
  /// that of a home for an adapter.
  private var home: (any AdapterHome)? {
    guard let outputKind else {
      return bridge.experts == nil ? nil : AdapterHomes.home(named: "peft")
    }
    guard outputKind.format != nil else { return outputKind.home }
    let isAdapter = sourceKind == .directory && !ModelDirectory.isModel(source)
    return isAdapter || bridge.areGiven ? outputKind.home : nil
  }

  /// Refuses options that are for conversions of files.
  private func validateBridge(to home: any AdapterHome) throws {
    let given: [(isGiven: Bool, option: String)] = [
      (bulk.recursive, "--recursive"), (!arguments.include.isEmpty, "--include"),
      (!arguments.exclude.isEmpty, "--exclude"), (!arguments.rename.isEmpty, "--rename"),
      (!arguments.metadata.isEmpty, "--metadata"), (arguments.dropMetadata, "--drop-metadata"),
      (arguments.reserve > 0, "--reserve"), (arguments.maxShardSize != nil, "--max-shard-size"),
      (arguments.compress, "--compress"), (arguments.dropAliases, "--drop-aliases"),
      (arguments.skipUnsupported, "--skip-unsupported"), (arguments.allowEmpty, "--allow-empty"),
      (arguments.dtype.contains { $0.pattern != nil }, "--dtype with a pattern"),
    ]
    if bridge.experts != nil, home.name != "peft" {
      throw ValidationError(
        "--experts arranges the experts of PEFT adapters; \(home.name) has one arrangement.")
    }
    guard let wrong = given.first(where: \.isGiven) else { return }
    throw ValidationError(
      "\(wrong.option) is for conversions between formats, not for adapters that go to another home "
        + "(\(home.name)).")
  }

  /// The most directories that are searched for a hint.
  private static let hintedDirectories = 1000

  /// Adds to the error that a directory is not an adapter how to convert the checkpoints below it.
  private func hintingAtTree(_ error: CheckpointError) -> CheckpointError {
    guard error.path == source, var walk = try? TreeWalk(of: source) else { return error }
    for _ in 0..<Self.hintedDirectories {
      guard let step = walk.next() else { break }
      guard case .directory(let listing) = step else { continue }
      let holdsCheckpoint = (0..<listing.count).contains {
        let format = CheckpointFormats.format(ofFileName: listing.text(at: $0))
        return listing.kind(at: $0) != .directory && format?.isExpectedInTrees == true
      }
      guard holdsCheckpoint else { continue }
      let advice = "--recursive converts every adapter and checkpoint in it"
      return CheckpointError(
        error.code, error.message, path: source,
        hint: error.hint.map { "\($0); \(advice)" } ?? advice, remedy: error.remedy)
    }
    return error
  }
}
