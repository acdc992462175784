public import ArgumentParser
public import Conversion
internal import Files
internal import Tensors

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

  @OptionGroup var output: OutputOptions

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
    try ConversionJob(
      source: source, destination: destination,
      options: ConversionOptions(format: format ?? .safetensors, policy: output.policy)
    ).run()
  }
}

extension CheckpointFormat: ExpressibleByArgument {}
