// SPDX-License-Identifier: Apache-2.0

/// Runs a closure periodically until stopped, for example to redraw a line.
public final class Ticker: Sendable {
  private let isStopped = Monitor(false)

  /// Creates a ticker; `run` starts it.
  public init() {}

  /// Calls `body` at once and then every `milliseconds`, on the caller's thread, until `stop`.
  public func run(milliseconds: Int, _ body: () -> Void) {
    repeat {
      body()
    } while isStopped.wait(milliseconds: milliseconds, { $0 ? true : nil }) == nil
  }

  /// Whether `stop` was called, for a `body` that takes long.
  public var hasStopped: Bool { isStopped.withLock { $0 } }

  /// Ends `run`.
  public func stop() {
    isStopped.withLock { $0 = true }
  }
}
