internal import SystemPackage
public import Tensors

/// Makes the directories that outputs go into.
public struct DirectoryMaker: Sendable {
  /// The directory that all others lie in.
  public let root: String
  /// The directory whose own directories say who may use those that are made.
  private let model: String
  private let synchronizes: Bool
  /// Where outputs went last, which is where most go next.
  private var last: RelativePath?
  /// Whether that directory was made here.
  private var isLastNew = false

  /// Makes directories below `root`, and `root` too.
  ///
  /// - Parameters:
  ///   - model: the tree that is written again at `root`: those who may use a directory of it may use
  ///     the one that is made for it.
  ///   - synchronizes: whether a new directory is on the drive before something goes in.
  public init(root: String, like model: String, synchronizes: Bool) {
    self.root = root
    self.model = model
    self.synchronizes = synchronizes
  }

  /// Makes the root, and those that it lies in.
  ///
  /// - Throws: `system` when one cannot be made, `invalidArgument` when `root` is no directory.
  public mutating func makeRoot() throws(CheckpointError) {
    try make(.root)
  }

  /// Makes the directory that will hold `path`, unless it is there.
  ///
  /// - Returns: whether it was made here, now or by the call before.
  /// - Throws: as `makeRoot`.
  /// - Complexity: no system call when it is the one that was asked for last.
  public mutating func makeParent(of path: RelativePath) throws(CheckpointError) -> Bool {
    try make(path.parent)
    return isLastNew
  }

  private mutating func make(_ relative: RelativePath) throws(CheckpointError) {
    guard relative != last else { return }
    let directory = relative.filePath(in: root)
    var missing: [(path: FilePath, place: RelativePath?)] = []
    var isNew = false
    var current = directory
    // Where it stands below the root; nil above it.
    var place: RelativePath? = relative
    climb: while true {
      switch makeDirectory(current, at: place) {
      case nil:
        isNew = true
        try synchronizeParent(of: current)
        break climb
      case .fileExists: break climb
      case .noSuchFileOrDirectory where current != current.parent:
        missing.append((current, place))
        current = current.parent
        place = place.flatMap { $0.isEmpty ? nil : $0.parent }
      case let reason?: throw .system("create a directory", reason, path: current)
      }
    }
    while let (next, place) = missing.popLast() {
      let failure = makeDirectory(next, at: place)
      // Somebody else, or a link, may have made it meanwhile.
      isNew = failure == nil
      if failure != .fileExists { try check(failure, "create a directory", next) }
      try synchronizeParent(of: next)
    }
    guard (try? Stat(directory))?.type == .directory else {
      throw CheckpointError(.invalidArgument, "is not a directory", path: directory.string)
    }
    last = relative
    isLastNew = isNew
  }

  private func makeDirectory(_ path: FilePath, at place: RelativePath?) -> Errno? {
    let access = place.map { OutputAccess(like: $0, in: model) } ?? .usual
    return SystemCalls.makeDirectory(path, permissions: access.directory)
  }

  private func synchronizeParent(of directory: FilePath) throws(CheckpointError) {
    if synchronizes { try Placement.synchronizeName(of: directory) }
  }
}
