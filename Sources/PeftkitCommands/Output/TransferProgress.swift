internal import Files
internal import Tensors

/// A line on a terminal that says how far a long piece of work is; nothing elsewhere.
final class TransferProgress {
  private let ticker: Ticker?

  private static let intervalMilliseconds = 200
  private static let eraseLine = "\r\u{1B}[K"

  /// Starts to show a count on its way to `total`, from the first interval on.
  init(_ counter: ByteCounter, of total: Int) {
    guard StandardStream.error.isTerminal else {
      ticker = nil
      return
    }
    let start = ContinuousClock.now
    ticker = Ticker(everyMilliseconds: Self.intervalMilliseconds) {
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      Self.print(Self.line(counter.value, of: total, after: seconds))
    }
  }

  /// Removes the line.
  func end() {
    guard let ticker else { return }
    ticker.stop()
    Self.print(Self.eraseLine)
  }

  private static func line(_ count: Int, of total: Int, after seconds: Double) -> String {
    let rate = Double(count) / max(seconds, 0.001)
    let share = total > 0 ? min(100, Int(100 * Double(count) / Double(total))) : 100
    let left = rate > 0 ? Double(max(0, total - count)) / rate : 0
    return eraseLine + "  \(share) %  \(Sizes.bytes(count)) of \(Sizes.bytes(total))  "
      + "\(Sizes.bytes(Int(rate)))/s  \(Sizes.duration(left)) left"
  }

  private static func print(_ text: String) {
    // A terminal that cannot be written to shows no progress, and nothing is lost.
    try? StandardStream.error.write(Array(text.utf8).span.rawBytes)
  }
}
