// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A file that appears whole or not at all.
///
/// Bytes are written to a temporary file next to the path; `commit` flushes and renames it. Without
/// `commit`, the temporary file is removed at the end of the value's life.
public struct AtomicFile: ~Copyable {
  private let target: FilePath
  /// The file's path for errors: `target`, or its path once its directory has been renamed.
  private let reportedPath: FilePath
  private let temporary: FilePath
  private let descriptor: FileDescriptor
  private let policy: OutputPolicy
  private let writer: ChunkWriter
  private var isOpen = true
  private var isCommitted = false
  /// The observers of what is written; see `observing`.
  var observers: [any ByteObserver] = []
  /// The number of bytes written so far.
  public private(set) var byteCount = 0

  /// The smallest range, in bytes, that is copied in the kernel or by a second thread.
  private static let largeByteCount = 1 << 18
  /// The smallest output, in bytes, that is preallocated.
  private static let preallocationByteCount = 1 << 20
  /// The largest piece that `append` takes, in bytes.
  public static let largestPiece = ChunkWriter.largestPiece

  /// Creates a temporary file that `commit` will rename to `path`.
  ///
  /// - Parameters:
  ///   - path: the path of the finished file.
  ///   - policy: whether an existing output is replaced, and whether the output is flushed to the
  ///     drive.
  ///   - access: the permissions of a new file; a file that is replaced passes on its own.
  /// - Throws: `alreadyExists` when something is at `path` and the policy does not replace,
  ///   `invalidArgument` when that is a directory or device, `system` when the directory cannot be
  ///   written.
  public init(
    path: String, policy: OutputPolicy, access: OutputAccess = .usual
  ) throws(CheckpointError) {
    try self.init(path: path, policy: policy, access: access, isPlaceNew: false)
  }

  /// Creates a temporary file that `commit` will rename to `path`.
  ///
  /// - Parameter isPlaceNew: whether this process created the directory for its outputs, so that
  ///   nothing should be at `path`. Then only `commit` checks this, and it replaces nothing.
  /// - Throws: as the initializer above, except `alreadyExists`.
  package init(
    path: String, policy: OutputPolicy, access: OutputAccess, isPlaceNew: Bool
  ) throws(CheckpointError) {
    try Self.refuseSlash(after: path)
    let target = FilePath(path)
    guard target.lastComponent?.kind == .regular else {
      throw CheckpointError(.invalidArgument, "is not a valid file path", path: target.string)
    }
    let existing =
      try isPlaceNew && !policy.replacesExisting
      ? nil : Self.permissionsOfFile(toReplace: target, policy: policy)
    // Replacing a private file must not make it readable, not even while the replacement is still
    // empty.
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

  /// Refuses a path that ends in a slash, which can only name a directory.
  ///
  /// - Throws: `invalidArgument` when the path ends in a slash.
  public static func refuseSlash(after path: String) throws(CheckpointError) {
    guard path.utf8.last == UInt8(ascii: "/") else { return }
    throw CheckpointError(
      .invalidArgument, "ends in a slash, but the output is a file", path: path,
      hint: "remove the slash")
  }

  /// Checks that a file may be written to a path, before long work; nothing is created.
  ///
  /// - Throws: as `init(path:policy:access:)`, except what only creating the file shows.
  public static func checkPlace(_ path: String, policy: OutputPolicy) throws(CheckpointError) {
    try refuseSlash(after: path)
    _ = try permissionsOfFile(toReplace: FilePath(path), policy: policy)
  }

  /// Creates a file inside a temporary directory; it needs no temporary name of its own.
  ///
  /// - Parameter reportedPath: the file's path once the directory has been renamed.
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
    // The thread first: it must not write to a descriptor that may be reused after it is closed.
    writer.abandon()
    if isOpen { _ = SystemCalls.close(descriptor) }
    if !isCommitted { _ = SystemCalls.unlink(temporary) }
  }

  /// The tensor that is being written, for errors to name.
  public var tensor: TensorName? {
    get { writer.tensor }
    nonmutating set { writer.tensor = newValue }
  }

  /// Prepares for a file of this size, in bytes: sizes the buffers, and allocates space on the
  /// drive for a large file, if the file system can do this.
  ///
  /// - Throws: `system` when there is not enough space.
  public func reserve(byteCount: Int) throws(CheckpointError) {
    writer.expect(byteCount)
    guard byteCount >= Self.preallocationByteCount else { return }
    let failure = SystemCalls.preallocate(descriptor, byteCount: byteCount)
    guard failure != .notSupported else { return }
    try check(failure, "allocate \(byteCount) bytes", reportedPath)
  }

  /// Appends bytes.
  ///
  /// - Throws: `system` when these or earlier bytes cannot be written, for example on a full disk.
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

  /// Appends `byteCount` bytes that `fill` writes in place, all of them, without a copy.
  ///
  /// - Parameters:
  ///   - count: the number of bytes, at most `largestPiece`; more is a bug in the caller and traps.
  ///   - fill: writes all of the bytes.
  /// - Throws: as `write`, and what `fill` throws; then the bytes are not part of the file.
  public mutating func append(
    byteCount count: Int, _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try Interruption.check(reportedPath)
    try writer.append(count, observers: observers, fill)
    byteCount += count
  }

  /// Appends the bytes `range` of another file, copied in the kernel if possible.
  ///
  /// - Throws: `truncated` when the other file has shrunk, `system` when reading or writing fails. A
  ///   failure of the copy may be thrown by a later call.
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

  /// Appends the bytes `range` of another file, and checks them as they are copied.
  ///
  /// - Throws: as `copy(from:range:)`, and what `check` throws, from this or a later call.
  public mutating func copy(
    from source: InputFile, range: Range<Int>, check: any RangeCheck
  ) throws(CheckpointError) {
    guard range.count >= Self.largeByteCount, observers.isEmpty else {
      return try gather(from: source, range, check: check)
    }
    try writer.copy(from: source, range, check: check)
    byteCount += range.count
  }

  /// Waits for the checks of all appended bytes.
  ///
  /// - Throws: what they throw, and as `write`.
  public func settleChecks() throws(CheckpointError) {
    try writer.settleChecks()
  }

  /// Appends the bytes `range` of another file through the current chunk.
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

  /// Flushes the file and renames it to its path.
  ///
  /// - Parameter checkSources: called after everything is written, to check that the inputs have not
  ///   changed.
  /// - Throws: `alreadyExists` when something has appeared at the path and the policy does not
  ///   replace, `system` when flushing or renaming fails, and what `checkSources` throws. No
  ///   temporary file is left behind.
  public consuming func commit(
    _ checkSources: () throws(CheckpointError) -> Void = {}
  ) throws(CheckpointError) {
    try Interruption.check(reportedPath)
    try writer.finish()
    if policy.synchronizes {
      try check(SystemCalls.synchronize(descriptor), "flush", reportedPath)
    }
    try checkSources()
    // Network file systems may report failed writes only now.
    isOpen = false
    try check(SystemCalls.close(descriptor), "close", reportedPath)
    guard temporary != target else {
      // The file is in a temporary directory, which is flushed and renamed as a whole.
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

  /// The permissions of the file that will be replaced, or of the target of a link; nil without
  /// one.
  ///
  /// - Throws: `alreadyExists` when something is there and the policy does not replace,
  ///   `invalidArgument` when it is a directory or device, `system` when its status cannot be read.
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
      // The new file often has the same contents as the target, so it gets the same permissions.
      guard let status = try? Stat(target), status.type == .regular else { return nil }
      return permissions(like: status)
    case .directory:
      throw CheckpointError(.invalidArgument, "is a directory", path: target.string)
    default:
      throw CheckpointError(.invalidArgument, "is not a regular file", path: target.string)
    }
  }

  /// The permissions without set-user-ID and set-group-ID: the new file may have another owner.
  private static func permissions(like status: Stat) -> FilePermissions {
    status.permissions.subtracting([.setUserID, .setGroupID])
  }
}
