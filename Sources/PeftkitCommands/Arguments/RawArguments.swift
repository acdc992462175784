internal import ArgumentParser
internal import Tensors

/// The arguments as the system has them.
enum RawArguments {
  /// Refuses arguments that would become another text: one that is not UTF-8 would name another file.
  ///
  /// - Throws: `ValidationError`.
  static func validate() throws {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      // SAFETY: argv holds argc NUL-terminated strings, which nobody changes.
      guard let argument = unsafe CommandLine.unsafeArgv[index] else { continue }
      guard unsafe String(validatingCString: argument) == nil else { continue }
      throw ValidationError(
        "Argument \(index), '\(unsafe String(cString: argument).printable)', is not valid UTF-8. A file "
          + "of such a name is converted with its directory, by convert --recursive.")
    }
  }
}
