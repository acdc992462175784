// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Conversion
internal import Files
internal import Synchronization
internal import Tensors

/// Reports the conversion of a tree on standard error: failures and notes as they happen, and on a
/// terminal how far it is.
final class BulkMonitor: Sendable {
  private let source: String
  private let progress = Mutex(BulkProgress())
  private let ticker = Ticker()

  /// The time between two updates of the progress line, in milliseconds.
  private static let period = 200

  init(source: String) {
    self.source = source
  }

  /// Reports the result of a unit, if it is worth a line.
  func show(_ event: BulkEvent) {
    switch event {
    case .unreadable(let error):
      Console.print(error)
    case .unit(let record, let outcome):
      let byteCount = record.outcome == .converted ? record.stamp?.byteCount ?? 0 : 0
      progress.withLock { progress in
        progress.done += 1
        progress.byteCount += byteCount
      }
      if let error = record.error { Console.print(error) }
      if let outcome {
        Console.print(
          notes: ConversionNotes(outcome, isOneOfMany: true).lines,
          about: record.source.string(in: source))
      }
    }
  }

  /// Updates the progress line until `stop`.
  ///
  /// - Parameter finder: finds the units once more, to count them.
  func showProgress(counting finder: CheckpointFinder) {
    var finder = finder
    var total = 0
    let stopwatch = Stopwatch()
    var drawn = 0.0
    while !ticker.hasStopped, let item = finder.next() {
      if case .unreadable = item { continue }
      total += 1
      if stopwatch.seconds - drawn > Double(Self.period) / 1000 {
        drawn = stopwatch.seconds
        draw()
      }
    }
    progress.withLock { $0.total = total }
    ticker.run(milliseconds: Self.period, draw)
    Console.clearProgress()
  }

  /// Ends the updates.
  func stop() {
    ticker.stop()
  }

  private func draw() {
    Console.showProgress(progress.withLock { $0.line })
  }
}
