// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Files
internal import Tensors

/// The progress line of a long transfer; nothing unless standard error is a terminal.
enum TransferProgress {
  private static let intervalMilliseconds = 200

  /// Carries out `body`, showing a count on its way to `total`.
  ///
  /// - Throws: what `body` throws.
  static func showing<R>(
    _ counter: ByteCounter, of total: Int, _ body: () throws(CheckpointError) -> R
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
        // Short transfers need no line.
        guard stopwatch.seconds * 1000 > Double(intervalMilliseconds) else { return }
        Console.showProgress(line(counter.value, of: total, after: stopwatch.seconds))
      }
      Console.clearProgress()
    }
  }

  private static func line(_ count: Int, of total: Int, after seconds: Double) -> String {
    let rate = Double(count) / seconds
    let share = total > 0 ? min(100, Int(100 * Double(count) / Double(total))) : 100
    let left = rate > 0 ? Double(max(0, total - count)) / rate : 0
    return "  \(share) %  \(Sizes.bytes(count)) of \(Sizes.bytes(total))  "
      + "\(Sizes.bytes(Int(rate)))/s  \(Sizes.duration(left)) left"
  }
}
