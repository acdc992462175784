internal import ArgumentParser

/// The arguments as the system has them.
enum RawArguments {
  /// Refuses arguments of which a part was lost when they became text.
  ///
  /// - Parameters:
  ///   - texts: parts of the parsed arguments, in which U+FFFD stands for what is not UTF-8.
  ///   - what: the beginning of the message.
  /// - Throws: `ValidationError`.
  static func refuseBroken(_ texts: [String], what: String) throws {
    guard texts.contains(where: { $0.unicodeScalars.contains("\u{FFFD}") }), !areText else {
      return
    }
    throw ValidationError("\(what); an argument is not valid UTF-8.")
  }

  /// Whether all are valid UTF-8.
  private static var areText: Bool {
    (0..<Int(CommandLine.argc)).allSatisfy { index in
      // SAFETY: argv holds argc NUL-terminated strings, which nobody changes.
      guard let argument = unsafe CommandLine.unsafeArgv[index] else { return true }
      return unsafe String(validatingCString: argument) != nil
    }
  }
}
