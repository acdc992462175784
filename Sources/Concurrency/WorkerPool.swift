/// Threads that share work.
public enum WorkerPool {
  /// Runs `body` on `count` threads, the caller's among them, and waits until all have returned.
  ///
  /// Where the system gives fewer threads, it runs on fewer, at least on the caller's.
  public static func run(count: Int, _ body: @escaping @Sendable () -> Void) {
    guard count > 1, let helper = SystemThread.start(body) else { return body() }
    run(count: count - 1, body)
    helper.join()
  }

  /// Runs `first` on the caller's thread, and `second` on another one where the system gives it.
  ///
  /// - Returns: what `first` returns, when both have ended.
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
