// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
internal import Files
internal import Tensors

/// The command-line tool. Exit codes: 0 success; 1 a check found something; 2 the input or the output
/// cannot be used; 64 wrong usage.
public struct Peftkit: ParsableCommand {
  /// The name, help and subcommands.
  public static let configuration = CommandConfiguration(
    commandName: Tool.name,
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
      InspectCommand.self, ConfigCommand.self, ConvertCommand.self, MergeCommand.self,
      ForwardCommand.self,
      VerifyCommand.self, DiffCommand.self, ValidateCommand.self, RepairCommand.self,
      ScanCommand.self, ReportCommand.self, MetadataCommand.self, RankCommand.self,
      ExtractCommand.self, CombineCommand.self, MPTCommand.self, EmbedTokensCommand.self,
    ])

  /// The tool without arguments: prints its help.
  public init() {}

  /// Runs the command line and ends the process.
  public static func main() {
    StandardStream.occupyClosedDescriptors()
    OpenFileLimit.raise()
    do {
      try RawArguments.validate()
      var command = try parsed(
        RawArguments.completed(Array(CommandLine.arguments.dropFirst())))
      try ProgressLine.showing { try command.run() }
    } catch let error as CheckpointError {
      Console.print(AbsentPath.explaining(error))
      if error.code == .interrupted { Interruption.endProcess() }
      exit(withError: ExitCode.unusable)
    } catch {
      exit(error)
    }
  }
}

extension Peftkit {
  /// Ends the process with an error of the command line, or an exit code.
  private static func exit(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    let isUsage = code == .validationFailure
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard isUsage || arguments.first == "help" else { exit(withError: error) }
    let unknown = Suggestion.unknownCommand(in: arguments, of: configuration.subcommands)
    if let unknown { exit(withError: unknown) }
    guard isUsage, let message = Suggestion.amended(fullMessage(for: error)) else {
      exit(withError: error)
    }
    Console.print(usage: message)
    exit(withError: code)
  }
}

extension Peftkit {
  /// The command that arguments call.
  ///
  /// A subcommand is parsed by itself, which takes half the time. Whatever is not a valid call of one, such as
  /// `--help` and mistakes, is parsed again from the root, whose messages name it.
  private static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    if let name = arguments.first,
      let subcommand = configuration.subcommands.first(where: { $0._commandName == name }),
      let command = try? subcommand.parseAsRoot(Array(arguments.dropFirst())),
      ([subcommand] + subcommand.configuration.subcommands).contains(where: {
        $0 == type(of: command)
      })
    {
      return command
    }
    return try parseAsRoot(arguments)
  }
}

extension ExitCode {
  /// A check found something.
  static let finding = ExitCode(1)
  /// The input or the output cannot be used.
  static let unusable = ExitCode(2)
}
