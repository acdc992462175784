// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The name of a model of the Hub, such as `owner/name` or `owner/name@revision` (spec/hub-cache.md,
/// Z1).
public struct HubName: Sendable, CustomStringConvertible {
  /// `owner/name`, or `name` for a model without an owner.
  public let repository: String
  /// A branch, a tag, a commit or its first digits; nil for the usual revision.
  public let revision: String?

  /// The longest name of a repository, in bytes.
  private static let longestByteCount = 96

  /// Combines a name and a revision.
  ///
  /// - Returns: nil for what cannot be such a name, or such a revision.
  public init?(repository: String, revision: String?) {
    let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy(Self.isName),
      repository.utf8.count <= Self.longestByteCount, revision.map(Self.isRevision) ?? true
    else { return nil }
    self.repository = repository
    self.revision = revision
  }

  /// Reads `owner/name` or `owner/name@revision`.
  ///
  /// - Returns: nil for other texts.
  public init?(_ text: String) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard let repository = parts.first else { return nil }
    self.init(
      repository: String(repository), revision: parts.count > 1 ? String(parts[1]) : nil)
  }

  /// Whether the name has an owner. Without one it can also be the name of a file.
  public var hasOwner: Bool { repository.utf8.contains(UInt8(ascii: "/")) }

  /// `owner/name`, with `@revision` if there is one.
  public var description: String { repository + (revision.map { "@" + $0 } ?? "") }

  /// The name of the folder in the cache.
  var folderName: String {
    HubRepository.namePrefix
      + repository.split(separator: "/").joined(separator: HubRepository.nameSeparator)
  }

  /// The remedy for a model that is not in the cache.
  var download: CheckpointError.Remedy { .downloadModel(repository, revision: revision) }

  private static func isName(_ part: Substring) -> Bool {
    let edges: [Character] = [".", "-"]
    guard let first = part.first, let last = part.last else { return false }
    return !edges.contains(first) && !edges.contains(last) && !part.contains("--")
      && !part.contains("..") && part.utf8.allSatisfy(isPlain)
  }

  private static func isRevision(_ text: String) -> Bool {
    text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && part != "." && part != ".." && part.utf8.allSatisfy(isPlain)
    }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }
}
