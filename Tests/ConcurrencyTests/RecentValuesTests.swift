// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Testing

/// A key whose hash says nothing.
private struct Key: Hashable {
  let number: Int

  func hash(into hasher: inout Hasher) { hasher.combine(0) }
}

@Suite("Values that are kept for a while")
struct RecentValuesTests {
  @Test("as many as there is room for are kept, the latest ones")
  func capacity() {
    let recent = RecentValues<Int, String>(capacity: 3)
    for number in 0..<5 { recent.keep("\(number)", of: number) }
    #expect((0..<5).map { recent[$0] } == [nil, nil, "2", "3", "4"])
    recent.keep("again", of: 2)
    recent.keep("new", of: 5)
    #expect((0..<6).map { recent[$0] } == [nil, nil, "again", nil, "4", "new"])
  }

  @Test("a key that comes again is told from one that does not")
  func notes() {
    let recent = RecentValues<Int, String>(capacity: 2)
    let answers = [1, 2, 1, 3, 1, 3].map { recent.note($0) }
    #expect(answers == [false, false, true, false, false, true])
  }

  @Test("keys of one hash are not taken for one another")
  func collisions() {
    let recent = RecentValues<Key, Int>(capacity: 3)
    recent.keep(1, of: Key(number: 1))
    #expect(recent[Key(number: 2)] == nil)
    recent.keep(2, of: Key(number: 2))
    #expect(recent[Key(number: 1)] == 1)
    #expect(recent[Key(number: 2)] == 2)
  }
}
