/// What casts to floating-point types did to values, in numbers of elements (spec/casts.md, K16).
///
/// Casts to integers and BOOL count nothing but elements: they refuse what they cannot hold. A cast
/// to the same dtype is a copy and counts nothing at all.
public struct CastCounts: Hashable, Sendable {
  /// The elements that were cast.
  public var elements = 0
  /// Results that are the largest number of their type because their source is beyond it, be it
  /// infinite. F8_E4M3 alone does this.
  public var saturated = 0
  /// Results that are infinite.
  public var infinite = 0
  /// Those of `infinite` whose source is a number: too large for the destination.
  public var infiniteFromFinite = 0
  /// Results that are NaN.
  public var nan = 0
  /// Those of `nan` whose source is no NaN: too large, or infinite, for a type without infinities.
  public var nanFromNumber = 0
  /// Results that are positive although their source is negative: F8_E8M0 has no sign.
  public var signLost = 0

  /// Nothing cast so far.
  public init() {}

  /// Adds the counts of another part, or of another tensor.
  public static func += (left: inout Self, right: Self) {
    left.elements += right.elements
    left.saturated += right.saturated
    left.infinite += right.infinite
    left.infiniteFromFinite += right.infiniteFromFinite
    left.nan += right.nan
    left.nanFromNumber += right.nanFromNumber
    left.signLost += right.signLost
  }

  /// The counts of two parts together.
  public static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum += right
    return sum
  }
}
