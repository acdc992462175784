// SPDX-License-Identifier: Apache-2.0

/// The number of elements whose values a cast to a floating-point type changed (spec/casts.md, K16).
///
/// Casts to integers and BOOL count only the elements: they refuse values outside the range. A cast
/// to the same dtype is a copy and counts nothing.
public struct CastCounts: Hashable, Sendable {
  /// The elements that were cast.
  public var elements = 0
  /// Results that are the largest number of their type because their source is larger or infinite.
  /// Only F8_E4M3 saturates.
  public var saturated = 0
  /// Results that are infinite.
  public var infinite = 0
  /// The part of `infinite` whose source is a number that is too large for the destination.
  public var infiniteFromFinite = 0
  /// Results that are NaN.
  public var nan = 0
  /// The part of `nan` whose source is not NaN: too large, or infinite, for a type without infinities.
  public var nanFromNumber = 0
  /// Results that are positive although their source is negative: F8_E8M0 has no sign.
  public var signLost = 0

  /// Creates counts of zero.
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

  /// The sum of the counts of two parts.
  public static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum += right
    return sum
  }
}
