internal import Conversion
internal import Files
internal import Synchronization
internal import Tensors

/// What is told while a tree is converted: failures as they happen, and on a terminal a line that
/// shows how far it is. All of it goes to standard error, a whole line at a time.
final class BulkConsole: Sendable {
  private struct State {
    var progress = BulkProgress()
    var isLineShown = false
  }

  private let source: String
  private let state = Mutex(State())
  private let ticker = Ticker()

  /// How often the line is drawn, in milliseconds.
  private static let period = 200

  init(source: String) {
    self.source = source
  }

  /// Tells what became of a unit, if that is worth a line.
  func show(_ event: BulkEvent) {
    state.withLock { state in
      switch event {
      case .unreadable(let error):
        print(error, &state)
      case .unit(let record, let outcome):
        state.progress.done += 1
        if record.outcome == .converted {
          state.progress.byteCount += record.stamp?.byteCount ?? 0
        }
        if let error = record.error { print(error, &state) }
        if let outcome { printNotes(outcome, of: record, &state) }
      }
    }
  }

  /// Draws the line again and again until `stop`.
  ///
  /// - Parameter finder: what finds the units once more, to count them.
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
    state.withLock { $0.progress.total = total }
    ticker.run(milliseconds: Self.period, draw)
    state.withLock { clearLine(&$0) }
  }

  /// Ends the line.
  func stop() {
    ticker.stop()
  }

  private func draw() {
    state.withLock { state in
      write(Style.eraseLine + state.progress.line)
      state.isLineShown = true
    }
  }

  private func print(_ error: CheckpointError, _ state: inout State) {
    clearLine(&state)
    ErrorReport.print(error)
  }

  private func printNotes(
    _ outcome: ConversionOutcome, of record: ManifestRecord, _ state: inout State
  ) {
    let notes = ConversionNotes(outcome, isOneOfMany: true)
    guard !notes.isEmpty else { return }
    clearLine(&state)
    write(notes.text(about: record.source.string(in: source).printable))
  }

  private func clearLine(_ state: inout State) {
    guard state.isLineShown else { return }
    state.isLineShown = false
    write(Style.eraseLine)
  }

  private func write(_ text: String) {
    // Nobody is left to tell that standard error cannot be written.
    try? StandardStream.error.write(Array(text.utf8).span.rawBytes)
  }
}
