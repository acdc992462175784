// SPDX-License-Identifier: Apache-2.0

/// A release of PEFT, such as 0.18.0.
public struct PEFTRelease: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The three numbers of the version.
  public let major, minor, patch: Int

  /// Names a release.
  public init(_ major: Int, _ minor: Int, _ patch: Int) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// Reads a version as `peft_version` has it: `0.18.1`, `0.19.2.dev0@UNKNOWN`. Missing numbers are 0;
  /// what follows the third number is ignored.
  ///
  /// - Returns: nil unless the text begins with a number.
  public init?(parsing text: some StringProtocol) {
    let parts = text.utf8.split(
      separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false
    ).prefix(3)
    let numbers = parts.map { part in
      let digits = part.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      return Int(String(decoding: digits, as: UTF8.self))
    }
    guard let major = numbers.first ?? nil else { return nil }
    self.init(
      major, numbers.count > 1 ? numbers[1] ?? 0 : 0, numbers.count > 2 ? numbers[2] ?? 0 : 0)
  }

  public var description: String { "\(major).\(minor).\(patch)" }

  public static func < (left: Self, right: Self) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }
}
