// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// What a command prints beside its result; every command has these options.
struct ConsoleOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print no notes and no progress.")
  var quiet = false

  /// Applies the options. The parser calls this before the command runs.
  func validate() {
    if quiet { Console.silence() }
  }
}
