// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
internal import Files
internal import Tensors

/// The command-line tool. Exit codes: 0 success; 1 a check found something; 2 the input or the output
/// cannot be used; 64 wrong usage.
public struct Peftkit: ParsableCommand {
  /// The name, help and subcommands.
  public static let configuration = CommandConfiguration(
    commandName: "peftkit",
    abstract: "Convert, inspect and verify Hugging Face PEFT adapter checkpoints.",
    discussion: """
      Files are read natively, without Python. Nothing in them is executed.

      Exit codes: 0 success; 1 a check found something; 2 the input or the output cannot be used; \
      64 wrong usage.

      EXAMPLES:
        peftkit inspect my-adapter
        peftkit convert my-adapter my-adapter-converted
        peftkit verify my-adapter --reference reference.safetensors
      """,
    version: Version.current,
    subcommands: [
      InspectCommand.self, ConfigCommand.self, ConvertCommand.self, ForwardCommand.self,
      VerifyCommand.self, DiffCommand.self, ValidateCommand.self, RepairCommand.self,
      ScanCommand.self, MetadataCommand.self, MPTCommand.self,
    ])

  /// The tool without arguments: prints its help.
  public init() {}

  /// Runs the command line and ends the process.
  public static func main() {
    StandardStream.occupyClosedDescriptors()
    OpenFileLimit.raise()
    do {
      try RawArguments.validate()
      var command = try parseAsRoot(
        RawArguments.completed(Array(CommandLine.arguments.dropFirst())))
      try command.run()
    } catch let error as CheckpointError {
      Console.print(error)
      if error.code == .interrupted { Interruption.endProcess() }
      exit(withError: ExitCode.unusable)
    } catch {
      exit(withError: error)
    }
  }
}

extension ExitCode {
  /// A check found something.
  static let finding = ExitCode(1)
  /// The input or the output cannot be used.
  static let unusable = ExitCode(2)
}
