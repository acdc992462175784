// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Tensors

/// The arguments as the system passed them.
enum RawArguments {
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
