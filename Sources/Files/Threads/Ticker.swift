/// Calls something again and again, on a thread of its own, until it is stopped.
public final class Ticker {
  private let isStopped = Monitor(false)
  private var thread: SystemThread?

  /// Starts calling `body`, the first time after one interval.
  public init(everyMilliseconds interval: Int, _ body: @escaping @Sendable () -> Void) {
    thread = SystemThread.start { [isStopped] in
      while isStopped.wait(milliseconds: interval, { $0 ? true : nil }) == nil { body() }
    }
  }

  deinit {
    stop()
  }

  /// Waits for a call that is under way, after which there is none.
  public func stop() {
    isStopped.withLock { $0 = true }
    if let thread = thread.take() { thread.join() }
  }
}
