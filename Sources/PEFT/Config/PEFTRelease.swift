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

  public var description: String { "\(major).\(minor).\(patch)" }

  public static func < (left: Self, right: Self) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }
}
