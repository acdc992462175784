// SPDX-License-Identifier: Apache-2.0
internal import Conversion
internal import Files
internal import Synchronization
internal import Tensors

/// Reports the conversion of a tree on standard error: failures and notes as they happen, and on a
/// terminal how far it is.
final class BulkMonitor: Sendable {
  private let source: String
  private let progress = Mutex(BulkProgress())
  private let isStopped = Atomic(false)

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

  /// The progress line.
  var line: String { progress.withLock { $0.line } }

  /// Counts the units, so that the line shows their number, unless `stop` comes first.
  func count(_ finder: CheckpointFinder) {
    var finder = finder
    var total = 0
    while !isStopped.load(ordering: .relaxed), let item = finder.next() {
      if case .unreadable = item { continue }
      total += 1
    }
    progress.withLock { $0.total = total }
  }

  /// Ends the count.
  func stop() {
    isStopped.store(true, ordering: .relaxed)
  }
}
