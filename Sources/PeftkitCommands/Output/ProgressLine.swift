// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Tensors

/// A line on standard error that shows how far a command is; nothing unless that is a terminal.
enum ProgressLine {
  private static let intervalMilliseconds = 200

  /// Carries out `body`, showing a line beside it.
  ///
  /// - Parameter line: the line after a number of seconds.
  /// - Throws: what `body` throws.
  static func showing<R>(
    _ line: @escaping @Sendable (_ seconds: Double) -> String,
    while body: () throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    guard Console.isTerminal else { return try body() }
    let ticker = Ticker()
    let stopwatch = Stopwatch()
    return try WorkerPool.run {
      () throws(CheckpointError) in
      defer { ticker.stop() }
      return try body()
    } beside: {
      ticker.run(milliseconds: intervalMilliseconds) {
        // Short work needs no line.
        guard stopwatch.seconds * 1000 > Double(intervalMilliseconds) else { return }
        Console.showProgress(line(stopwatch.seconds))
      }
      Console.clearProgress()
    }
  }
}
