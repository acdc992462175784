// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Tensors

/// The arguments as the system passed them.
enum RawArguments {
  /// The options whose value may be left out.
  private static let optionalValues: Set<String> = ["--base"]

  /// The value of an option whose value is left out: the parser drops empty ones.
  static let omittedValue = "<from the config>"

  /// Arguments with a value for each option whose value is left out, at the end or before
  /// another option, and with the adapter that each `--scale` belongs to.
  static func completed(_ arguments: [String]) -> [String] {
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    return placed(arguments, before: end).enumerated().map { place, argument in
      guard place < end, optionalValues.contains(argument) else { return argument }
      let next = arguments.dropFirst(place + 1).first
      let hasValue = next.map { $0 == "-" || !$0.hasPrefix("-") } ?? false
      return hasValue ? argument : argument + "=" + omittedValue
    }
  }

  /// Arguments in which the value of each `--scale` has the number of `--adapter` options before it.
  private static func placed(_ arguments: [String], before end: Int) -> [String] {
    var adapters = 0
    var arguments = arguments
    for place in 0..<end {
      let argument = arguments[place]
      if argument == "--adapter" || argument.hasPrefix("--adapter=") { adapters += 1 }
      let scale = "--scale="
      if argument == "--scale", place + 1 < end {
        arguments[place + 1] = ScaleArgument.placed(arguments[place + 1], after: adapters)
      } else if argument.hasPrefix(scale) {
        arguments[place] =
          scale + ScaleArgument.placed(String(argument.dropFirst(scale.count)), after: adapters)
      }
    }
    return arguments
  }

  /// Refuses arguments that are not UTF-8: converted to text, they would name another file.
  ///
  /// - Throws: `ValidationError`.
  static func validate() throws {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      // SAFETY: argv contains argc NUL-terminated strings, which do not change.
      guard let argument = unsafe CommandLine.unsafeArgv[index] else { continue }
      guard unsafe String(validatingCString: argument) == nil else { continue }
      throw ValidationError(
        "Argument \(index), '\(unsafe String(cString: argument).printable)', is not valid UTF-8. To "
          + "convert a file with such a name, convert its directory with --recursive.")
    }
  }
}
