// SPDX-License-Identifier: Apache-2.0
internal import Pickle

extension ScanMachine {
  mutating func push(_ value: ScanValue) {
    if !isBlind { stack.append(value) }
  }

  /// Takes the top of the stack; what is not there is unknown, and a finding.
  mutating func pop(at offset: Int) -> ScanValue {
    guard !isBlind else { return .unknown }
    guard stack.count > marks.last ?? 0 else {
      find(.malformed, "takes a value from an empty stack", at: offset)
      return .unknown
    }
    return stack.removeLast()
  }

  /// The top of the stack, which stays.
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

  /// Takes everything above the last mark, and the mark.
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

  /// Puts the top of the stack into the memo.
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

  /// Takes a value out of the memo.
  mutating func recall(_ index: Int?, offset: Int) {
    guard !isBlind else { return }
    guard let index, let value = memo[index] else {
      find(.malformed, "uses a memo slot that was never filled", at: offset)
      push(.unknown)
      return
    }
    push(value)
  }

  /// Makes a tuple of values.
  mutating func makeTuple(_ items: [ScanValue]) -> ScanValue {
    guard !isBlind else { return .unknown }
    let tuple = ScanTuple(
      start: UInt32(elements.count), count: UInt32(items.count),
      isPlain: items.allSatisfy { isPlain($0) })
    elements += items
    tuples.append(tuple)
    return .tuple(UInt32(tuples.count - 1))
  }

  /// Makes a tuple of the topmost values.
  mutating func makeTuple(ofTop count: Int, at offset: Int) {
    var items: [ScanValue] = []
    for _ in 0..<count { items.append(pop(at: offset)) }
    push(makeTuple(items.reversed()))
  }

  /// The place of a new list or dict.
  mutating func makeContainer() -> UInt32 {
    guard !isBlind else { return 0 }
    containers.append(ScanContainer())
    return UInt32(containers.count - 1)
  }

  /// The elements of a tuple, nil for anything else.
  func items(of value: ScanValue) -> ArraySlice<ScanValue>? {
    guard case .tuple(let index) = value, tuples.indices.contains(Int(index)) else { return nil }
    return elements[tuples[Int(index)].range]
  }

  /// Whether a value is data, so that it may stand anywhere. What is a finding already passes.
  func isPlain(_ value: ScanValue) -> Bool {
    switch value {
    case .name(let index): globals[Int(index)]?.isValue ?? true
    case .tuple(let index):
      tuples.indices.contains(Int(index)) ? tuples[Int(index)].isPlain : true
    default: true
    }
  }

  /// Whether something about a value, or the elements of a tuple, is a finding already.
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
