// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A shell pattern for the names of tensors, with the meaning of Python's `fnmatch.fnmatchcase`:
/// `*` and `?` match any characters, including dots; `[a-z]` and `[!a-z]` match one character of a
/// set or not of it.
///
/// A character is a code point. The C library's `fnmatch` matches bytes, in any locale (glibc
/// 2.36).
public struct GlobPattern: Sendable, Hashable {
  /// The text of the pattern.
  public let text: String
  private let parts: [Part]

  private enum Part: Hashable {
    /// `*`
    case anything
    /// `?`
    case anyScalar
    case scalar(Unicode.Scalar)
    case set(ScalarSet)
  }

  /// Parses a pattern; every text is valid.
  public init(_ text: String) {
    self.text = text
    let scalars = Array(text.unicodeScalars)
    var parts: [Part] = []
    var position = 0
    while position < scalars.count {
      switch scalars[position] {
      case "*": parts.append(.anything)
      case "?": parts.append(.anyScalar)
      case "[":
        guard let set = ScalarSet(scalars, &position) else { fallthrough }
        parts.append(.set(set))
        continue
      default: parts.append(.scalar(scalars[position]))
      }
      position += 1
    }
    self.parts = parts
  }

  /// Whether the pattern matches the whole name.
  ///
  /// - Complexity: O(name · pattern) at worst.
  public func matches(_ name: TensorName) -> Bool {
    let scalars = Array(name.string.unicodeScalars)
    var (part, position) = (0, 0)
    // The place of the last `*`, and the end of the text that it matches so far.
    var retry: (part: Int, position: Int)?
    while position < scalars.count {
      if part < parts.count, parts[part] == .anything {
        retry = (part, position)
        part += 1
      } else if part < parts.count, Self.matches(parts[part], scalars[position]) {
        part += 1
        position += 1
      } else if let last = retry {
        retry = (last.part, last.position + 1)
        (part, position) = (last.part + 1, last.position + 1)
      } else {
        return false
      }
    }
    return parts[part...].allSatisfy { $0 == .anything }
  }

  private static func matches(_ part: Part, _ scalar: Unicode.Scalar) -> Bool {
    switch part {
    case .anything: false
    case .anyScalar: true
    case .scalar(let own): own == scalar
    case .set(let set): set.contains(scalar)
    }
  }
}

/// A bracket expression of a pattern.
private struct ScalarSet: Hashable {
  private var ranges: [ClosedRange<Unicode.Scalar>] = []
  private let isNegated: Bool

  /// Parses an expression, from its opening bracket past the closing one.
  ///
  /// - Returns: nil without a closing bracket; `position` is then unchanged.
  init?(_ scalars: [Unicode.Scalar], _ position: inout Int) {
    var start = position + 1
    isNegated = start < scalars.count && scalars[start] == "!"
    if isNegated { start += 1 }
    // A closing bracket that comes first is a member of the set.
    guard start < scalars.count, let end = scalars[(start + 1)...].firstIndex(of: "]") else {
      return nil
    }
    var next = start
    while next < end {
      let first = scalars[next]
      guard next + 2 < end, scalars[next + 1] == "-" else {
        ranges.append(first...first)
        next += 1
        continue
      }
      // A reversed range matches nothing.
      if first <= scalars[next + 2] { ranges.append(first...scalars[next + 2]) }
      next += 3
    }
    position = end + 1
  }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar) } != isNegated
  }
}
