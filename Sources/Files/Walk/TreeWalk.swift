internal import SystemPackage
public import Tensors

/// Goes through a tree, a directory at a time, without holding the tree.
///
/// A directory comes before those in it, and these in the order of their bytes. Symbolic links to
/// directories are not followed, as `find` does not, so that the walk ends.
public struct TreeWalk: Sendable {
  /// What the walk comes to.
  public enum Step: Sendable {
    /// A directory.
    case directory(DirectoryListing)
    /// A directory that cannot be listed, and why; the walk goes on without it.
    case unreadable(RelativePath, CheckpointError)
  }

  private struct Level {
    let listing: DirectoryListing
    private var next = 0

    init(_ listing: DirectoryListing) {
      self.listing = listing
    }

    /// The next directory in this one.
    mutating func nextDirectory() -> RelativePath? {
      while next < listing.count {
        next += 1
        if listing.kind(at: next - 1) == .directory { return listing.path(at: next - 1) }
      }
      return nil
    }
  }

  /// The directory.
  public let root: String
  private let rootPath: FilePath
  private let deepest: Int
  private var first: DirectoryListing?
  private var levels: [Level] = []

  /// Starts at a directory; a link to one is as good.
  ///
  /// - Parameter deepest: how many levels below `root` are gone into; what lies deeper is unreadable.
  /// - Throws: `missing` or `system` when `root` cannot be listed.
  public init(of root: String, deepest: Int = 256) throws(CheckpointError) {
    self.root = root
    self.deepest = deepest
    rootPath = FilePath(root)
    first = try DirectoryListing(.root, in: rootPath)
  }

  /// Goes on to the next directory; nil at the end.
  ///
  /// - Complexity: a listing, sorted; memory for the names of a directory and of those that hold it.
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

  /// Leaves out what is in the directory that came last.
  public mutating func skipSubdirectories() {
    levels.removeLast()
  }

  private mutating func enter(_ listing: DirectoryListing) -> Step {
    levels.append(Level(listing))
    return .directory(listing)
  }
}
