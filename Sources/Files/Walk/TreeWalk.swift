// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A walk through a tree, one directory at a time, without keeping the whole tree in memory.
///
/// A directory comes before its subdirectories, which are in byte order. As with `find`, symbolic links
/// to directories are not followed, so that the walk ends.
public struct TreeWalk: Sendable {
  /// One step of the walk.
  public enum Step: Sendable {
    /// A directory.
    case directory(DirectoryListing)
    /// A directory that cannot be listed, and the reason; the walk continues without it.
    case unreadable(RelativePath, CheckpointError)
  }

  private struct Level {
    let listing: DirectoryListing
    private var next = 0
    /// The names of the subdirectories to enter; nil for all.
    var entered: Set<String>?

    init(_ listing: DirectoryListing) {
      self.listing = listing
    }

    /// The next subdirectory.
    mutating func nextDirectory() -> RelativePath? {
      while next < listing.count {
        next += 1
        guard listing.kind(at: next - 1) == .directory,
          entered?.contains(listing.text(at: next - 1)) ?? true
        else { continue }
        return listing.path(at: next - 1)
      }
      return nil
    }
  }

  /// The path of the directory.
  public let root: String
  private let rootPath: FilePath
  private let deepest: Int
  private var first: DirectoryListing?
  private var levels: [Level] = []

  /// Starts a walk at a directory, or a link to one.
  ///
  /// - Parameters:
  ///   - root: the directory.
  ///   - deepest: the number of levels below `root` to enter; deeper directories are reported as
  ///     unreadable.
  /// - Throws: `missing` or `system` when `root` cannot be listed.
  public init(of root: String, deepest: Int = 256) throws(CheckpointError) {
    try self.init(of: root, deepest: deepest, closing: nil)
  }

  /// Starts a walk at a directory.
  ///
  /// - Parameter descriptor: the directory, if it is open already; it is closed.
  init(
    of root: String, deepest: Int = 256, closing descriptor: FileDescriptor?
  ) throws(CheckpointError) {
    self.root = root
    self.deepest = deepest
    rootPath = FilePath(root)
    first = try DirectoryListing(.root, in: rootPath, closing: descriptor)
  }

  /// The next directory; nil at the end.
  ///
  /// - Complexity: one sorted listing; memory for the names of the directory and of its parents.
  public mutating func next() -> Step? {
    if let listing = first.take() { return enter(listing) }
    while let last = levels.indices.last {
      guard let path = levels[last].nextDirectory() else {
        levels.removeLast()
        continue
      }
      guard levels.count <= deepest else {
        let error = CheckpointError(
          .unsupported, "is nested deeper than \(deepest) directories",
          path: path.string(in: root))
        return .unreadable(path, error)
      }
      do throws(CheckpointError) {
        return enter(try DirectoryListing(path, in: rootPath))
      } catch {
        return .unreadable(path, error)
      }
    }
    return nil
  }

  /// Skips the subdirectories of the last directory.
  public mutating func skipSubdirectories() {
    levels.removeLast()
  }

  /// Skips the subdirectories of the last directory that have other names than these.
  public mutating func enterOnly(_ names: Set<String>) {
    levels[levels.count - 1].entered = names
  }

  private mutating func enter(_ listing: DirectoryListing) -> Step {
    levels.append(Level(listing))
    return .directory(listing)
  }
}
