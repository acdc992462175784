/// An array that grows without moving, so that growing never holds it twice.
struct PagedArray<Element: BitwiseCopyable & Sendable>: Sendable {
  private var pages: [[Element]] = []
  /// The number of elements.
  private(set) var count = 0

  private static var shift: Int { 12 }
  private static var pageCount: Int { 1 << shift }
  private static var firstCapacity: Int { 64 }

  /// Adds an element and gives its index.
  @discardableResult
  mutating func append(_ element: Element) -> Int {
    if count & (Self.pageCount - 1) == 0 {
      var page: [Element] = []
      // The first page grows by itself: most pickles are small.
      page.reserveCapacity(count > 0 ? Self.pageCount : Self.firstCapacity)
      pages.append(page)
    }
    pages[count >> Self.shift].append(element)
    defer { count += 1 }
    return count
  }

  /// The element at an index; an index outside is a caller's bug and traps.
  subscript(index: Int) -> Element {
    get { pages[index >> Self.shift][index & (Self.pageCount - 1)] }
    set { pages[index >> Self.shift][index & (Self.pageCount - 1)] = newValue }
  }
}
