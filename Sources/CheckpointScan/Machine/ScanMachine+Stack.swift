// SPDX-License-Identifier: Apache-2.0
internal import Pickle

extension ScanMachine {
  mutating func push(_ value: ScanValue) {
    if !isBlind { stack.append(value) }
  }

  /// Removes the top of the stack. On an empty stack, this adds a finding and returns an unknown value.
  mutating func pop(at offset: Int) -> ScanValue {
    guard !isBlind else { return .unknown }
    guard stack.count > marks.last ?? 0 else {
      find(.malformed, "takes a value from an empty stack", at: offset)
      return .unknown
    }
    return stack.removeLast()
  }

  /// The top of the stack, which is not removed.
  mutating func top(at offset: Int) -> ScanValue {
    guard !isBlind else { return .unknown }
    guard stack.count > marks.last ?? 0 else {
      find(.malformed, "uses a value of an empty stack", at: offset)
      return .unknown
    }
    return stack[stack.count - 1]
  }

  mutating func mark() {
    if !isBlind { marks.append(stack.count) }
  }

  /// Removes the last mark and the values above it.
  mutating func popToMark(at offset: Int) -> [ScanValue] {
    guard !isBlind else { return [] }
    guard let start = marks.popLast() else {
      find(.malformed, "needs a mark where there is none", at: offset)
      return []
    }
    let items = Array(stack[start...])
    stack.removeSubrange(start...)
    return items
  }

  /// Stores the top of the stack in the memo.
  mutating func memoize(at index: Int?, offset: Int) {
    let value = top(at: offset)
    guard !isBlind else { return }
    // Slots are filled in turn. Python 2's cPickle starts at 1.
    if memo.count == 0, index == 1 { memoStart = 1 }
    let next = memoStart + memo.count
    let index = index ?? next
    if index != next { find(.malformed, "fills memo slot \(index) before \(next)", at: offset) }
    memo.put(value, at: index)
  }

  /// Pushes a value of the memo.
  mutating func recall(_ index: Int?, offset: Int) {
    guard !isBlind else { return }
    guard let index, let value = memo[index] else {
      find(.malformed, "uses a memo slot that was never filled", at: offset)
      push(.unknown)
      return
    }
    push(value)
  }

  /// Creates a tuple of values.
  mutating func makeTuple(_ items: [ScanValue]) -> ScanValue {
    guard !isBlind else { return .unknown }
    let tuple = ScanTuple(
      start: UInt32(elements.count), count: UInt32(items.count),
      isPlain: items.allSatisfy { isPlain($0) })
    elements += items
    tuples.append(tuple)
    return .tuple(UInt32(tuples.count - 1))
  }

  /// Creates a tuple of the topmost values.
  mutating func makeTuple(ofTop count: Int, at offset: Int) {
    var items: [ScanValue] = []
    for _ in 0..<count { items.append(pop(at: offset)) }
    push(makeTuple(items.reversed()))
  }

  /// The index of a new list or dict.
  mutating func makeContainer() -> UInt32 {
    guard !isBlind else { return 0 }
    containers.append(ScanContainer())
    return UInt32(containers.count - 1)
  }

  /// The elements of a tuple; nil for another value.
  func items(of value: ScanValue) -> ArraySlice<ScanValue>? {
    guard case .tuple(let index) = value, tuples.indices.contains(Int(index)) else { return nil }
    return elements[tuples[Int(index)].range]
  }

  /// Whether a value is data, which is allowed everywhere. True for a value that is a finding already.
  func isPlain(_ value: ScanValue) -> Bool {
    switch value {
    case .name(let index): globals[Int(index)]?.isValue ?? true
    case .tuple(let index):
      tuples.indices.contains(Int(index)) ? tuples[Int(index)].isPlain : true
    default: true
    }
  }

  /// Whether there is a finding about a value, or about an element of a tuple.
  func isFlawed(_ value: ScanValue) -> Bool {
    func isFlawedItself(_ value: ScanValue) -> Bool {
      switch value {
      case .unknown, .object: true
      case .name(let index): globals[Int(index)] == nil
      default: false
      }
    }
    if isFlawedItself(value) { return true }
    return items(of: value)?.contains { isFlawedItself($0) } ?? false
  }
}
