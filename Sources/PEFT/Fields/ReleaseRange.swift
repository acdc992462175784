// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A range of releases of PEFT.
public struct ReleaseRange: Sendable, Hashable, CustomStringConvertible {
  /// The first release.
  public let first: PEFTRelease
  /// The last release; nil when the newest examined one is in the range.
  public let last: PEFTRelease?

  /// Creates a range.
  public init(first: PEFTRelease, last: PEFTRelease?) {
    self.first = first
    self.last = last
  }

  /// Parses `0.2.0-` or `0.2.0-0.7.1` of the field table.
  init?(parsing text: Substring) {
    let parts = text.fields(separatedBy: "-")
    guard let start = parts.first, let first = PEFTRelease(parsing: start) else { return nil }
    self.init(first: first, last: parts.count > 1 ? PEFTRelease(parsing: parts[1]) : nil)
  }

  /// Whether the range is one release.
  var isOne: Bool { first == last }

  /// Whether a release is in the range.
  public func contains(_ release: PEFTRelease) -> Bool {
    first <= release && last.map { release <= $0 } ?? true
  }

  /// The range in words: "0.14.0 to 0.18.1", "0.19.0 and later".
  public var description: String {
    guard let last else { return "\(first) and later" }
    return first == last ? "\(first)" : "\(first) to \(last)"
  }
}
