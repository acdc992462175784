// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// The folder of one model in the Hub's cache: `refs` name commits, and each commit has a directory in
/// `snapshots`, whose files are links into `blobs` (spec/hub-cache.md, Z3).
struct HubRepository {
  /// The folder.
  let path: String

  /// What the names of the folders of models start with.
  static let namePrefix = "models--"
  /// What joins the owner and the name.
  static let nameSeparator = "--"
  /// The names of the directories of a folder.
  static let (snapshotsName, blobsName, referencesName) = ("snapshots", "blobs", "refs")
  /// The revision that is meant without one.
  private static let usualRevision = "main"
  /// The fewest digits of a commit that name it.
  private static let fewestDigits = 7
  /// The longest file in `refs`, in bytes.
  private static let longestReference = 256
  /// The most revisions that an error lists.
  private static let listedCount = 4

  /// Describes a folder; nil if it is none of the cache.
  init?(path: String) {
    guard PathKind.existing(path + "/" + Self.snapshotsName) == .directory else { return nil }
    self.path = path
  }

  /// `owner/name`.
  var name: String {
    let folder = path.split(separator: "/").last ?? ""
    let name = folder.hasPrefix(Self.namePrefix) ? folder.dropFirst(Self.namePrefix.count) : folder
    guard let separator = name.firstRange(of: Self.nameSeparator) else { return String(name) }
    return name[..<separator.lowerBound] + "/" + name[separator.upperBound...]
  }

  /// The commits whose files the cache has, all or some of them; in the order of their digits.
  var commits: [String] {
    (try? DirectoryTree.subdirectories(of: path + "/" + Self.snapshotsName)) ?? []
  }

  /// The revisions that the cache knows by a name.
  var revisions: [String] {
    ((try? DirectoryTree(of: path + "/" + Self.referencesName))?.files ?? []).filter(\.isText).map(
      \.string)
  }

  /// The commits that a walk enters: that of `main`; without one, those of all other names; without
  /// any, all.
  var currentCommits: [String] {
    if let commit = commit(namedBy: Self.usualRevision), hasSnapshot(commit) { return [commit] }
    let named = Set(revisions.compactMap { commit(namedBy: $0) }).filter(hasSnapshot)
    return named.isEmpty ? commits : named.sorted()
  }

  /// The directory of a revision's files.
  ///
  /// - Parameter revision: a name in `refs`, a commit, or its first digits; nil for `main`, or for the
  ///   only commit.
  /// - Throws: `missing` when the cache does not have it.
  func snapshot(at revision: String?) throws(CheckpointError) -> String {
    let wanted = revision ?? Self.usualRevision
    let commits = commits
    var found = [commit(namedBy: wanted) ?? wanted]
    if !commits.contains(found[0]), wanted.utf8.count >= Self.fewestDigits {
      found = commits.filter { $0.hasPrefix(wanted) }
    }
    if revision == nil, !commits.contains(found[0]) { found = commits }
    guard found.count == 1, commits.contains(found[0]) else {
      throw absence(of: wanted, commits: commits)
    }
    return path + "/" + Self.snapshotsName + "/" + found[0]
  }

  /// The commit that a file in `refs` names; nil if there is none.
  private func commit(namedBy revision: String) -> String? {
    guard let file = try? InputFile(existing: "\(path)/\(Self.referencesName)/\(revision)"),
      let bytes = try? file.readAll(limit: Self.longestReference)
    else { return nil }
    let digits = bytes.prefix { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
      default: false
      }
    }
    return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
  }

  private func hasSnapshot(_ commit: String) -> Bool {
    PathKind.existing(path + "/" + Self.snapshotsName + "/" + commit) == .directory
  }

  private func absence(of revision: String, commits: [String]) -> CheckpointError {
    let known = (revisions + commits).filter { $0 != revision }
    let listed = known.prefix(Self.listedCount).map(\.excerpt).joined(separator: ", ")
    let rest = known.count - Self.listedCount
    return CheckpointError(
      .missing, "the cache of the Hub has no files of its revision \(revision.excerpt)", path: path,
      hint: known.isEmpty ? nil : "it knows \(listed)\(rest > 0 ? " and \(rest) more" : "")",
      remedy: .downloadModel(name, revision: revision))
  }
}
