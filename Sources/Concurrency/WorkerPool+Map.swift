// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import Tensors

extension WorkerPool {
  /// Computes values on several threads; the result does not depend on their number.
  ///
  /// - Parameters:
  ///   - count: the number of values.
  ///   - threads: the largest number of threads, including the caller's.
  ///   - body: computes the value with an index.
  /// - Throws: the first error in the order of the indices. After an error, no other value is begun.
  public static func map<R: Sendable>(
    _ count: Int, threads: Int,
    _ body: @escaping @Sendable (Int) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> [R] {
    let results = SharedResults<R>(count)
    run(count: min(threads, count)) {
      while let index = results.next() {
        do throws(CheckpointError) {
          results.keep(.success(try body(index)), of: index)
        } catch {
          results.keep(.failure(error), of: index)
        }
      }
    }
    return try results.all()
  }
}

/// Results of work that is shared among threads.
private final class SharedResults<R: Sendable>: Sendable {
  private struct State {
    var next = 0
    var results: [Result<R, CheckpointError>?]
    var hasFailed = false
  }

  private let state: Mutex<State>

  init(_ count: Int) {
    state = Mutex(State(results: [Result<R, CheckpointError>?](repeating: nil, count: count)))
  }

  /// The next piece of work; nil when all is taken, or a piece has failed.
  func next() -> Int? {
    state.withLock { state in
      guard !state.hasFailed, state.next < state.results.count else { return nil }
      state.next += 1
      return state.next - 1
    }
  }

  func keep(_ result: Result<R, CheckpointError>, of index: Int) {
    state.withLock { state in
      state.results[index] = result
      if case .failure = result { state.hasFailed = true }
    }
  }

  /// The results in order.
  ///
  /// - Throws: the first error in that order.
  func all() throws(CheckpointError) -> [R] {
    var all: [R] = []
    for result in state.withLock({ $0.results }) {
      if let result { all.append(try result.get()) }
    }
    return all
  }
}
