public import ArgumentParser
public import Conversion
internal import Files
internal import Tensors
public import TorchCheckpoint

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a checkpoint file or an adapter directory.",
    discussion: """
      A file becomes a file, in the format of --to or of DST's extension (.safetensors; .bin, .pt, \
      .pth and .ckpt are torch). A directory becomes a directory: its weights are converted (to \
      safetensors unless --to says otherwise), its config is written as PEFT writes it, and all \
      other files are copied.

      The output appears whole or not at all. With --force, DST may be SRC.

      EXAMPLES:
        peftkit convert adapter_model.bin adapter_model.safetensors
        peftkit convert my-adapter my-adapter-safetensors
        peftkit convert my-adapter my-adapter --force
      """)

  @Argument(
    help: ArgumentHelp("The file or directory to read.", valueName: "src"), completion: .file())
  var source: String

  @Argument(
    help: ArgumentHelp("The file or directory to write.", valueName: "dst"), completion: .file())
  var destination: String

  @Option(
    name: .customLong("to"), help: ArgumentHelp("The format to write.", valueName: "format"))
  var format: CheckpointFormat?

  @Option(
    help: ArgumentHelp(
      "The generation of torch whose layout is written: 1.13, 2.1 or 2.7.", valueName: "layout"))
  var torchLayout: TorchLayout = .newest

  @Flag(
    help: "Write a tensor that has two names once, and note the other name in the metadata.")
  var dropAliases = false

  @Flag(help: "Leave out tensors that the format cannot hold, instead of refusing them.")
  var skipUnsupported = false

  @OptionGroup var output: OutputOptions
  @OptionGroup var bulk: BulkOptions

  func validate() throws {
    // A source that is not there is for `run` to report.
    guard PathKind.existing(source) == .file, fileFormat == nil else { return }
    throw ValidationError(
      "'\(destination.printable)' does not tell a format; name one with --to, or end it in "
        + ".safetensors or .bin.")
  }

  /// The format that a file is written in.
  private var fileFormat: CheckpointFormat? { format ?? CheckpointFormat(fileName: destination) }

  func run() throws {
    Interruption.noteSignals()
    let isDirectory = try PathKind(path: source) == .directory
    let format = isDirectory ? self.format : fileFormat
    var options = ConversionOptions(format: format ?? .safetensors, policy: output.policy)
    options.torchLayout = torchLayout
    options.dropsAliases = dropAliases
    options.skipsUnsupported = skipUnsupported
    if bulk.recursive {
      return try BulkRun(
        source: source, destination: destination, options: options, bulk: bulk
      ).run()
    }
    let report = try ConversionJob(
      source: source, destination: destination, options: options
    ).run()
    try printNotes(report)
  }

  /// Tells on standard error what was left out.
  private func printNotes(_ report: ConversionReport) throws(CheckpointError) {
    var text = ""
    for item in report.skipped {
      text += "note: \(item.name.printable) was left out: it is a \(item.type.printable)\n"
    }
    for alias in report.aliases {
      text += "note: \(alias.name.printable) was left out: it is \(alias.kept.printable)\n"
    }
    let bytes = Array(text.utf8)
    try StandardStream.error.write(bytes.span.rawBytes)
  }
}

extension CheckpointFormat: ExpressibleByArgument {}
extension TorchLayout: ExpressibleByArgument {}
