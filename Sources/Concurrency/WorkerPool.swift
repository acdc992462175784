// SPDX-License-Identifier: Apache-2.0

/// Threads that share one piece of work.
public enum WorkerPool {
  /// Runs `body` on `count` threads, including the caller's, and waits until all calls have
  /// returned.
  ///
  /// If the system cannot start as many, it runs on fewer, at least on the caller's.
  public static func run(count: Int, _ body: @escaping @Sendable () -> Void) {
    guard count > 1, let helper = SystemThread.start(body) else { return body() }
    run(count: count - 1, body)
    helper.join()
  }

  /// Runs `first` on the caller's thread, and `second` on another thread; if the system cannot
  /// start one, `second` does not run.
  ///
  /// - Returns: the result of `first`, when both have ended.
  /// - Throws: what `first` throws, when both have ended.
  public static func run<R, E: Error>(
    _ first: () throws(E) -> R, beside second: @escaping @Sendable () -> Void
  ) throws(E) -> R {
    guard let helper = SystemThread.start(second) else { return try first() }
    let result: Result<R, E>
    do throws(E) {
      result = .success(try first())
    } catch {
      result = .failure(error)
    }
    helper.join()
    return try result.get()
  }
}
