internal import SystemPackage
public import Tensors

/// Makes the directories that outputs go into.
public struct DirectoryMaker: Sendable {
  /// The directory that all others lie in.
  public let root: String
  private let synchronizes: Bool
  /// Where outputs went last, which is where most go next.
  private var last: RelativePath?
  /// Whether that directory was made here.
  private var isLastNew = false

  /// Makes directories below `root`, and `root` too.
  ///
  /// - Parameter synchronizes: whether a new directory is on the drive before something goes in.
  public init(root: String, synchronizes: Bool) {
    self.root = root
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
    var missing: [FilePath] = []
    var isNew = false
    var current = directory
    climb: while true {
      switch SystemCalls.makeDirectory(current) {
      case nil:
        isNew = true
        try synchronizeParent(of: current)
        break climb
      case .fileExists: break climb
      case .noSuchFileOrDirectory where current != current.parent:
        missing.append(current)
        current = current.parent
      case let reason?: throw .system("create a directory", reason, path: current)
      }
    }
    while let next = missing.popLast() {
      let failure = SystemCalls.makeDirectory(next)
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

  private func synchronizeParent(of directory: FilePath) throws(CheckpointError) {
    if synchronizes { try Placement.synchronizeName(of: directory) }
  }
}
