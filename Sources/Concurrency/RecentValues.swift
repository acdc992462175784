// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// A small cache of computed values, which drops the oldest one when it is full.
///
/// - Complexity: a lookup compares the key with at most `capacity` others, most of which differ early.
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
    /// The entries, latest last.
    var entries: [Entry] = []
    /// The hashes of noted keys, latest last.
    var noted: [Int] = []
  }

  private let capacity: Int
  private let state = Mutex(State())

  /// Creates an empty cache.
  ///
  /// - Parameter capacity: the largest number of values, and of noted keys.
  package init(capacity: Int) {
    self.capacity = capacity
  }

  /// The value of a key, if it is in the cache.
  package subscript(key: Key) -> Value? {
    // Keys may be long, so they are compared without the lock.
    state.withLock { $0.entries }.last { $0.key == key }?.value
  }

  /// Adds the value of a key to the cache.
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
  /// Records that a key has been used.
  ///
  /// - Returns: whether it was used recently before, so that its value may be worth keeping.
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
