// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import Tensors

/// What a wrong command line probably meant, where the parser does not say it (spec/command-line.md,
/// L94). The parser itself suggests options.
enum Suggestion {
  /// The error to report in place of the parser's, for a command that does not exist; nil for other
  /// errors.
  ///
  /// - Parameters:
  ///   - arguments: those of the tool.
  ///   - commands: the commands that the tool has.
  static func unknownCommand(
    in arguments: [String], of commands: [any ParsableCommand.Type]
  ) -> ValidationError? {
    var names = arguments[...]
    if names.first == "help" { names.removeFirst() }
    var commands = commands
    while let name = names.popFirst(), !name.hasPrefix("-"), !commands.isEmpty {
      if let command = commands.first(where: { $0.configuration.commandName == name }) {
        commands = command.configuration.subcommands
        continue
      }
      // A key path would crash the compiler (Swift 6.3).
      let known = commands.compactMap { $0.configuration.commandName } + ["help"]
      let isPath = PathKind.existing(name) != nil
      let advice =
        name.suggestion(from: known)
        ?? (isPath ? "to look at this path: peftkit inspect \(name.printable)" : nil)
      return ValidationError(
        "Unknown command '\(name.excerpt)'" + (advice.map { "; \($0)" } ?? ""))
    }
    return nil
  }

  /// The message of the parser about a value that is not on a list, with the nearest on the list.
  ///
  /// - Returns: nil for other messages, and if nothing is near.
  static func amended(_ message: String) -> String? {
    let list = " Please provide one of "
    guard let start = message.firstRange(of: list) else { return nil }
    let line = message[start.upperBound...].prefix { !$0.isNewline }
    let (known, place) =
      line == "the following:" ? listed(message[line.endIndex...]) : (quoted(line), line.endIndex)
    guard let value = quoted(message[..<start.lowerBound]).first,
      let advice = value.suggestion(from: known)
    else { return nil }
    let sentence =
      (line.endIndex == place ? " " : "\n") + advice.prefix(1).uppercased() + advice.dropFirst()
    return message[..<place] + sentence + message[place...]
  }

  /// The items of a list, each on a line of its own after a dash, and the end of the last one.
  private static func listed(_ text: Substring) -> (items: [String], end: String.Index) {
    var items: [String] = []
    var rest = text
    while rest.hasPrefix("\n  - ") {
      let item = rest.dropFirst("\n  - ".count).prefix { !$0.isNewline }
      items.append(String(item))
      rest = text[item.endIndex...]
    }
    return (items, rest.startIndex)
  }

  /// The texts between single quotation marks.
  private static func quoted(_ text: Substring) -> [String] {
    text.split(separator: "'", omittingEmptySubsequences: false).enumerated()
      .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
  }
}
