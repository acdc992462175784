// SPDX-License-Identifier: Apache-2.0

/// An array that grows without moving, so that growing never holds it twice.
///
/// It is inlinable: the reader of another module asks for millions of elements, and generic code of
/// another module is compiled for a type only where it is visible.
@usableFromInline
package struct PagedArray<Element: BitwiseCopyable & Sendable>: Sendable {
  /// The first page, which is all that most pickles need; it grows by itself.
  @usableFromInline var first: [Element] = []
  @usableFromInline var pages: [[Element]] = []
  /// The number of elements.
  package private(set) var count = 0

  @inlinable static var shift: Int { 12 }
  @inlinable static var pageCount: Int { 1 << shift }
  private static var firstCapacity: Int { 64 }

  /// Adds an element and gives its index.
  @discardableResult
  package mutating func append(_ element: Element) -> Int {
    if count < Self.pageCount {
      if first.isEmpty { first.reserveCapacity(Self.firstCapacity) }
      first.append(element)
    } else {
      if count & (Self.pageCount - 1) == 0 {
        var page: [Element] = []
        page.reserveCapacity(Self.pageCount)
        pages.append(page)
      }
      pages[pages.count - 1].append(element)
    }
    defer { count += 1 }
    return count
  }

  /// The element at an index; an index outside is a caller's bug and traps.
  @inlinable
  package subscript(index: Int) -> Element {
    get {
      index < Self.pageCount
        ? first[index] : pages[index >> Self.shift - 1][index & (Self.pageCount - 1)]
    }
    set {
      if index < Self.pageCount {
        first[index] = newValue
      } else {
        pages[index >> Self.shift - 1][index & (Self.pageCount - 1)] = newValue
      }
    }
  }
}
