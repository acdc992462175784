// SPDX-License-Identifier: Apache-2.0

/// The result of comparing a reference with computed values, element by element.
public struct NumericReport: Hashable, Sendable {
  /// One element.
  public struct Element: Hashable, Sendable {
    /// The index of the element, counted in row-major order.
    public let index: Int
    /// The value in the reference.
    public let reference: Double
    /// The computed value.
    public let computed: Double
  }

  /// The format of the reference.
  public let format: FloatFormat
  /// The number of elements.
  public let elementCount: Int
  /// The elements whose values are equal; −0 equals +0 and NaN equals NaN.
  public internal(set) var equalCount = 0
  /// The largest distance of a comparable element, as in `FloatFormat.ulpDistance(_:_:)`.
  public internal(set) var largestDistance: UInt64 = 0
  /// The first element at that distance, or nil when all are equal.
  public internal(set) var largestDistanceElement: Element?
  /// The largest share of the rounding-error bound that the reference uses: more than 1 is outside,
  /// infinite for an unexplained infinity or NaN. Nil where values must be equal, and when no element
  /// was measured.
  public internal(set) var largestShare: Double?
  /// The first element with that share.
  public internal(set) var largestShareElement: Element?
  /// The largest share that the computed values use.
  public internal(set) var largestOwnShare: Double?
  /// The elements that depend on an infinite or NaN factor and are not equal.
  public internal(set) var notComparableCount = 0
  /// The BF16 elements accepted because a CPU may have treated subnormal numbers as zero.
  public internal(set) var flushedCount = 0
  /// The infinities and NaNs accepted because finite factors may overflow.
  public internal(set) var overflowedCount = 0
  /// The elements of the reference that are wrong: unequal where values must be equal, or outside the
  /// bound.
  public internal(set) var offenderCount = 0
  /// The first of them, at most eight.
  public internal(set) var firstOffenders: [Element] = []
  /// The computed values that are outside the bound: always 0 unless this library has a bug.
  public internal(set) var ownOffenderCount = 0

  /// Whether no comparable element of either side is wrong.
  public var holds: Bool { offenderCount == 0 && ownOffenderCount == 0 }

  init(format: FloatFormat, elementCount: Int) {
    self.format = format
    self.elementCount = elementCount
  }

  mutating func addOffender(_ element: Element) {
    offenderCount += 1
    if firstOffenders.count < 8 { firstOffenders.append(element) }
  }

  mutating func addDistance(_ distance: UInt64, _ element: @autoclosure () -> Element) {
    guard distance > largestDistance else { return }
    largestDistance = distance
    largestDistanceElement = element()
  }

  mutating func addShare(_ share: Double, _ element: @autoclosure () -> Element) {
    if let largest = largestShare, share <= largest { return }
    largestShare = share
    largestShareElement = element()
  }

  mutating func addOwnShare(_ share: Double) {
    largestOwnShare = max(share, largestOwnShare ?? 0)
  }
}
