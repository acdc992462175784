/// Calls somebody again and again until it is stopped, for example to redraw a line.
public final class Ticker: Sendable {
  private let isStopped = Monitor(false)

  /// Makes one that runs when it is told to.
  public init() {}

  /// Calls `body` at once and then every so many milliseconds, on the caller's thread, until `stop`.
  public func run(milliseconds: Int, _ body: () -> Void) {
    repeat {
      body()
    } while isStopped.wait(milliseconds: milliseconds, { $0 ? true : nil }) == nil
  }

  /// Whether it was stopped, for a `body` that takes long.
  public var hasStopped: Bool { isStopped.withLock { $0 } }

  /// Ends `run`.
  public func stop() {
    isStopped.withLock { $0 = true }
  }
}
