internal import Synchronization

/// Values that took some work, under the keys that they were made of, until so many others are kept.
///
/// - Complexity: a look compares the key with at most `capacity` others, which mostly differ early.
package final class RecentValues<Key: Equatable & Sendable, Value: Sendable>: Sendable {
  private final class Entry: Sendable {
    let key: Key
    let value: Value

    init(_ key: Key, _ value: Value) {
      self.key = key
      self.value = value
    }
  }

  private struct State {
    /// The latest last.
    var entries: [Entry] = []
    /// The hashes of keys that were noted, the latest last.
    var noted: [Int] = []
  }

  private let capacity: Int
  private let state = Mutex(State())

  /// - Parameter capacity: how many values are kept, and how many keys are noted.
  package init(capacity: Int) {
    self.capacity = capacity
  }

  /// The value of a key, if it is kept.
  package subscript(key: Key) -> Value? {
    // Compared without the lock: keys may be long.
    state.withLock { $0.entries }.last { $0.key == key }?.value
  }

  /// Keeps the value of a key.
  package func keep(_ value: Value, of key: Key) {
    let entry = Entry(key, value)
    state.withLock { state in
      state.entries.removeAll { $0.key == key }
      if state.entries.count == capacity { state.entries.removeFirst() }
      state.entries.append(entry)
    }
  }
}

extension RecentValues where Key: Hashable {
  /// Notes that a key has come.
  ///
  /// - Returns: whether it had come lately, so that its value may be worth keeping.
  package func note(_ key: Key) -> Bool {
    let hash = key.hashValue
    return state.withLock { state in
      if state.noted.contains(hash) { return true }
      if state.noted.count == capacity { state.noted.removeFirst() }
      state.noted.append(hash)
      return false
    }
  }
}
