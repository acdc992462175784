// SPDX-License-Identifier: Apache-2.0

/// The Unicode scalars that one element of a regular expression matches.
struct ScalarSet: Sendable, Hashable {
  /// A class of Python's `re`, in its Unicode meaning.
  enum Category: Sendable, Hashable {
    /// `\d`: decimal digits.
    case digit
    /// `\w`: letters, numbers and the underscore.
    case word
    /// `\s`: white space, as in `str.isspace`.
    case space

    func contains(_ scalar: Unicode.Scalar) -> Bool {
      if scalar.isASCII {
        switch self {
        case .digit: return ("0"..."9").contains(scalar)
        case .word:
          return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
            || ("0"..."9").contains(scalar) || scalar == "_"
        case .space:
          return scalar == " " || (9...13).contains(scalar.value)
            || (28...31).contains(scalar.value)
        }
      }
      switch self {
      case .digit: return scalar.properties.generalCategory == .decimalNumber
      case .word:
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
          return true
        default: return scalar.properties.numericType != nil
        }
      case .space: return scalar.properties.isWhitespace
      }
    }
  }

  /// A category, or everything outside it.
  struct Member: Sendable, Hashable {
    let category: Category
    let isNegated: Bool
  }

  /// The ranges; sorted and disjoint, except while a set is parsed.
  var ranges: [ClosedRange<Unicode.Scalar>] = []
  var members: [Member] = []
  /// Whether the set is all scalars but these.
  var isNegated = false

  /// One scalar.
  init(_ scalar: Unicode.Scalar) {
    ranges = [scalar...scalar]
  }

  /// A category, or everything outside it.
  init(_ member: Member) {
    members = [member]
  }

  /// An empty set.
  init() {}

  /// The set of `.`: all scalars except a line feed.
  static var anyButLineFeed: Self {
    var set = Self("\n")
    set.isNegated = true
    return set
  }

  /// The scalar of a set of one; nil for other sets.
  var onlyScalar: Unicode.Scalar? {
    guard members.isEmpty, !isNegated, ranges.count == 1,
      ranges[0].lowerBound == ranges[0].upperBound
    else { return nil }
    return ranges[0].lowerBound
  }

  /// Sorts the ranges and joins those that overlap, and removes duplicate categories, so that a long
  /// set is searched as fast as a short one.
  mutating func simplify() {
    ranges.sort { $0.lowerBound < $1.lowerBound }
    var joined: [ClosedRange<Unicode.Scalar>] = []
    for range in ranges {
      if let last = joined.last, range.lowerBound <= last.upperBound {
        joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    ranges = joined
    if members.count > 1 { members = Array(Set(members)) }
  }

  /// Whether a scalar is in the set.
  ///
  /// - Complexity: O(log ranges).
  func contains(_ scalar: Unicode.Scalar) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
    }
    let isListed =
      low < ranges.count && ranges[low].contains(scalar)
      || members.contains { $0.category.contains(scalar) != $0.isNegated }
    return isListed != isNegated
  }
}
