internal import SystemPackage
public import Tensors

/// A file that appears whole or not at all.
///
/// What is written goes to a temporary sibling; `commit` flushes it and renames it into place. A
/// value that ends without `commit`, on whatever path, removes the sibling.
public struct AtomicFile: ~Copyable {
  private let target: FilePath
  /// What errors call the file: `target`, or where it will stand when its directory has its name.
  private let reportedPath: FilePath
  private let temporary: FilePath
  private let descriptor: FileDescriptor
  private let policy: OutputPolicy
  private let writer: ChunkWriter
  private var isOpen = true
  private var isCommitted = false
  /// Who is shown what is written; see `observing`.
  var observers: [any ByteObserver] = []
  /// The number of bytes written so far.
  public private(set) var byteCount = 0

  /// What is at least worth a copy inside the kernel, or by two threads.
  private static let largeByteCount = 1 << 18
  /// What is at least worth taking space for in advance.
  private static let preallocationByteCount = 1 << 20
  /// The largest piece that `append` takes, in bytes.
  public static let largestPiece = ChunkWriter.largestPiece

  /// Starts a file that will stand at `path`.
  ///
  /// - Parameter access: who may use it; what is replaced decides that itself.
  /// - Throws: `alreadyExists` when there is one and the policy does not replace, `invalidArgument`
  ///   when a directory or device has the name, `system` when the directory cannot be written.
  public init(
    path: String, policy: OutputPolicy, access: OutputAccess = .usual
  ) throws(CheckpointError) {
    try self.init(path: path, policy: policy, access: access, isPlaceNew: false)
  }

  /// Starts a file that will stand at `path`.
  ///
  /// - Parameter isPlaceNew: whether this process made the directory for its outputs, so that nothing
  ///   has the name: then nobody looks, and `commit` finds what has taken it meanwhile. Nothing is
  ///   replaced unseen.
  /// - Throws: as the above, save `alreadyExists`.
  package init(
    path: String, policy: OutputPolicy, access: OutputAccess, isPlaceNew: Bool
  ) throws(CheckpointError) {
    try Self.refuseSlash(after: path)
    let target = FilePath(path)
    guard target.lastComponent?.kind == .regular else {
      throw CheckpointError(.invalidArgument, "cannot name a file", path: target.string)
    }
    let existing =
      try isPlaceNew && !policy.replacesExisting
      ? nil : Self.permissionsOfFile(toReplace: target, policy: policy)
    // A file that others may not read must not become readable by being replaced, nor its
    // replacement be opened by them while it is still empty.
    let initial: FilePermissions = existing == nil ? access.file : [.ownerReadWrite]
    let temporary: FilePath
    let descriptor: FileDescriptor
    switch TemporaryName.makeSibling(of: target, { Self.create($0, permissions: initial) }) {
    case .success(let made): (temporary, descriptor) = made
    case .failure(let reason): throw .cannotCreate("a file", beside: target, reason)
    }
    if let existing, let failure = SystemCalls.setPermissions(existing, of: descriptor) {
      _ = SystemCalls.close(descriptor)
      _ = SystemCalls.unlink(temporary)
      throw .system("set permissions", failure, path: target)
    }
    self.init(
      target, temporary: temporary, reportedAs: target, descriptor: descriptor, policy: policy)
  }

  /// Refuses the name of a directory for a file, as all programs do.
  ///
  /// - Throws: `invalidArgument` when the path ends in a slash.
  public static func refuseSlash(after path: String) throws(CheckpointError) {
    guard path.utf8.last == UInt8(ascii: "/") else { return }
    throw CheckpointError(
      .invalidArgument, "ends in a slash, and a file is to be written", path: path,
      hint: "leave the slash out")
  }

  /// Starts a file inside a directory that does not have its name yet, and so needs no name of its
  /// own until it is whole.
  ///
  /// - Parameter reportedPath: where the file will stand when its directory has its name.
  init(
    inTemporary path: FilePath, reportedAs reportedPath: FilePath, policy: OutputPolicy,
    access: OutputAccess
  ) throws(CheckpointError) {
    switch Self.create(path, permissions: access.file) {
    case .success(let descriptor):
      self.init(
        path, temporary: path, reportedAs: reportedPath, descriptor: descriptor, policy: policy)
    case .failure(.fileExists): throw .alreadyExists(reportedPath)
    case .failure(let reason): throw .system("create a file", reason, path: reportedPath)
    }
  }

  private init(
    _ target: FilePath, temporary: FilePath, reportedAs reportedPath: FilePath,
    descriptor: FileDescriptor, policy: OutputPolicy
  ) {
    self.target = target
    self.reportedPath = reportedPath
    self.temporary = temporary
    self.descriptor = descriptor
    self.policy = policy
    writer = ChunkWriter(
      FileSink(descriptor, reportedPath: reportedPath, policy: policy))
  }

  deinit {
    // First the thread: it must not write to a number that may soon be another file's.
    writer.abandon()
    if isOpen { _ = SystemCalls.close(descriptor) }
    if !isCommitted { _ = SystemCalls.unlink(temporary) }
  }

  /// The tensor that is being written, for errors to name.
  public var tensor: TensorName? {
    get { writer.tensor }
    nonmutating set { writer.tensor = newValue }
  }

  /// Takes space on the drive for a file of this size, where that pays and can be done, and no more
  /// memory than it needs.
  ///
  /// - Throws: `system` when there is not enough.
  public func reserve(byteCount: Int) throws(CheckpointError) {
    writer.expect(byteCount)
    guard byteCount >= Self.preallocationByteCount else { return }
    let failure = SystemCalls.preallocate(descriptor, byteCount: byteCount)
    guard failure != .notSupported else { return }
    try check(failure, "take space for \(byteCount) bytes", reportedPath)
  }

  /// Appends bytes.
  ///
  /// - Throws: `system` when these or earlier ones cannot be written, for example on a full disk.
  public mutating func write(_ bytes: RawSpan) throws(CheckpointError) {
    var offset = 0
    while offset < bytes.byteCount {
      let count = min(try writer.room(), bytes.byteCount - offset)
      let piece = bytes.extracting(offset..<offset + count)
      try append(byteCount: count) { destination throws(CheckpointError) in
        destination.copyBytes(of: piece)
      }
      offset += count
    }
  }

  /// Appends bytes that `fill` puts in their place, all of them, without a copy.
  ///
  /// - Parameter byteCount: at most `largestPiece`; more is a caller's bug and traps.
  /// - Throws: as `write`, and what `fill` throws; then the bytes are not part of the file.
  public mutating func append(
    byteCount count: Int, _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try Interruption.check(reportedPath)
    try writer.append(count, observers: observers, fill)
    byteCount += count
  }

  /// Appends the bytes `range` of another file, inside the kernel where it can.
  ///
  /// - Throws: `truncated` when the other file has shrunk, `system` when reading or writing fails;
  ///   what goes wrong inside the kernel is thrown by this or a later call.
  public mutating func copy(
    from source: InputFile, range: Range<Int>
  ) throws(CheckpointError) {
    if range.count >= Self.largeByteCount, observers.isEmpty, writer.canCopyInKernel {
      try writer.copy(from: source, range)
      byteCount += range.count
      return
    }
    try gather(from: source, range, check: nil)
  }

  /// Appends the bytes `range` of another file, and has them checked on their way.
  ///
  /// - Throws: as `copy(from:range:)`; what `check` finds is thrown by this or a later call.
  public mutating func copy(
    from source: InputFile, range: Range<Int>, check: any RangeCheck
  ) throws(CheckpointError) {
    guard range.count >= Self.largeByteCount, observers.isEmpty else {
      return try gather(from: source, range, check: check)
    }
    try writer.copy(from: source, range, check: check)
    byteCount += range.count
  }

  /// Waits for the checks of all that has been appended.
  ///
  /// - Throws: what they find, and as `write`.
  public func settleChecks() throws(CheckpointError) {
    try writer.settleChecks()
  }

  /// Appends the bytes `range` of another file through the chunk at hand.
  private mutating func gather(
    from source: InputFile, _ range: Range<Int>, check: (any RangeCheck)?
  ) throws(CheckpointError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let start = offset
      let count = min(try writer.room(), range.upperBound - start)
      try append(byteCount: count) { destination throws(CheckpointError) in
        try source.read(at: start, into: &destination)
        try check?.check(destination.bytes, at: start)
      }
      offset += count
    }
  }

  /// Puts the file in its place.
  ///
  /// - Parameter checkSources: is called when all is written, to see whether what was read is still
  ///   what it was.
  /// - Throws: `alreadyExists` when somebody else put a file there meanwhile and the policy does not
  ///   replace, `system` when flushing or renaming fails, and what `checkSources` throws; then nothing
  ///   is left behind.
  public consuming func commit(
    _ checkSources: () throws(CheckpointError) -> Void = {}
  ) throws(CheckpointError) {
    try Interruption.check(reportedPath)
    try writer.finish()
    if policy.synchronizes {
      try check(SystemCalls.synchronize(descriptor), "flush", reportedPath)
    }
    try checkSources()
    // Network file systems may only now say that they could not write.
    isOpen = false
    try check(SystemCalls.close(descriptor), "close", reportedPath)
    guard temporary != target else {
      // The directory that holds it is flushed, and renamed, with all that it holds.
      isCommitted = true
      return
    }
    try Placement.place(temporary, at: target, replacing: policy.replacesExisting)
    isCommitted = true
    if policy.synchronizes { try Placement.synchronizeName(of: target) }
  }

  private static func create(
    _ path: FilePath, permissions: FilePermissions
  ) -> Result<FileDescriptor, Errno> {
    do {
      return .success(
        try FileDescriptor.open(
          path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: permissions))
    } catch {
      return .failure(error as? Errno ?? .ioError)
    }
  }

  /// The permissions of the file that will be replaced, or that a link led to; nil when there is none.
  ///
  /// - Throws: `alreadyExists` when there is something and the policy does not replace,
  ///   `invalidArgument` when it is a directory or device, `system` when it cannot be known.
  static func permissionsOfFile(
    toReplace target: FilePath, policy: OutputPolicy
  ) throws(CheckpointError) -> FilePermissions? {
    guard let status = try Placement.status(of: target) else { return nil }
    guard policy.replacesExisting else {
      throw status.type == .directory
        ? .alreadyExists(target, hint: "it is a directory: name a file in it", remedy: nil)
        : .alreadyExists(target)
    }
    switch status.type {
    case .regular: return permissions(like: status)
    case .symbolicLink:
      try Placement.refuseLinkToStream(target)
      // What the link kept from others, for one, is often what the new file holds.
      guard let status = try? Stat(target), status.type == .regular else { return nil }
      return permissions(like: status)
    case .directory:
      throw CheckpointError(.invalidArgument, "is a directory", path: target.string)
    default:
      throw CheckpointError(.invalidArgument, "is not a regular file", path: target.string)
    }
  }

  /// Not set-user-id and its like: the new file may have another owner.
  private static func permissions(like status: Stat) -> FilePermissions {
    status.permissions.subtracting([.setUserID, .setGroupID])
  }
}
