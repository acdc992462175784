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
  private var buffer: [UInt8] = []
  private var isCommitted = false
  /// Who is shown what is written; see `observing`.
  var observer: (any ByteObserver)?
  /// The number of bytes written so far.
  public private(set) var byteCount = 0

  /// Small writes are gathered up to this many bytes.
  private static let bufferCapacity = 1 << 18
  /// What a copy that the kernel cannot do alone moves at a time.
  private static let chunkByteCount = 1 << 18
  /// What the kernel copies before somebody looks whether the user wants to stop.
  private static let kernelChunkByteCount = 1 << 26

  /// Starts a file that will stand at `path`.
  ///
  /// - Throws: `alreadyExists` when there is one and the policy does not replace, `invalidArgument`
  ///   when a directory or device has the name, `system` when the directory cannot be written.
  public init(path: String, policy: OutputPolicy) throws(CheckpointError) {
    try self.init(FilePath(path), policy: policy)
  }

  init(
    _ target: FilePath, reportedAs reportedPath: FilePath? = nil, policy: OutputPolicy
  ) throws(CheckpointError) {
    let reportedPath = reportedPath ?? target
    guard target.lastComponent?.kind == .regular else {
      throw CheckpointError(.invalidArgument, "cannot name a file", path: target.string)
    }
    let existing = try Self.permissionsOfFile(toReplace: target, policy: policy)
    // A file that others may not read must not become readable by being replaced, nor its
    // replacement be opened by them while it is still empty.
    let initial: FilePermissions =
      existing == nil ? [.ownerReadWrite, .groupReadWrite, .otherReadWrite] : [.ownerReadWrite]
    let temporary: FilePath
    let descriptor: FileDescriptor
    switch TemporaryName.makeSibling(of: target, { Self.create($0, permissions: initial) }) {
    case .success(let made): (temporary, descriptor) = made
    case .failure(let reason): throw .cannotCreate("a file", beside: reportedPath, reason)
    }
    if let existing, let failure = SystemCalls.setPermissions(existing, of: descriptor) {
      try? descriptor.close()
      _ = SystemCalls.unlink(temporary)
      throw .system("set permissions", failure, path: reportedPath)
    }
    self.target = target
    self.reportedPath = reportedPath
    self.temporary = temporary
    self.descriptor = descriptor
    self.policy = policy
  }

  deinit {
    try? descriptor.close()
    if !isCommitted { _ = SystemCalls.unlink(temporary) }
  }

  /// Appends bytes.
  ///
  /// - Throws: `system` when they cannot be written, for example on a full disk.
  public mutating func write(_ bytes: RawSpan) throws(CheckpointError) {
    try Interruption.check(reportedPath.string)
    if bytes.byteCount > Self.bufferCapacity - buffer.count { try flush() }
    if bytes.byteCount >= Self.bufferCapacity {
      try writeThrough(bytes)
    } else {
      // SAFETY: the buffer is read, whole, before the closure returns.
      unsafe bytes.withUnsafeBytes { bytes in unsafe buffer.append(contentsOf: bytes) }
    }
    byteCount += bytes.byteCount
    observer?.observe(bytes)
  }

  /// Appends the bytes `range` of another file, inside the kernel where it can.
  ///
  /// - Throws: `truncated` when the other file has shrunk, `system` when reading or writing fails.
  public mutating func copy(
    from source: InputFile, range: Range<Int>
  ) throws(CheckpointError) {
    var offset = range.lowerBound
    if range.count >= Self.bufferCapacity, observer == nil {
      try flush()
      copying: while offset < range.upperBound {
        try Interruption.check(reportedPath.string)
        switch SystemCalls.copyRange(
          from: source.descriptor, at: offset, to: descriptor,
          count: min(Self.kernelChunkByteCount, range.upperBound - offset))
        {
        case .success(0): break copying
        case .success(let count):
          offset += count
          byteCount += count
        case .failure(.notSupported): break copying
        case .failure(let reason): throw .system("write", reason, path: reportedPath)
        }
      }
    }
    // What the kernel left: all of a small or observed range, or the part where the source has
    // shrunk, which the read reports.
    try copyThroughMemory(from: source, range: offset..<range.upperBound)
  }

  private mutating func copyThroughMemory(
    from source: InputFile, range: Range<Int>
  ) throws(CheckpointError) {
    var chunk = [UInt8](repeating: 0, count: min(Self.chunkByteCount, range.count))
    var offset = range.lowerBound
    while offset < range.upperBound {
      chunk.removeLast(max(0, chunk.count - (range.upperBound - offset)))
      do {
        var elements = chunk.mutableSpan
        // SAFETY: every bit pattern is a valid byte.
        var raw = unsafe elements.mutableBytes
        try source.read(at: offset, into: &raw)
      }
      try write(chunk.span.rawBytes)
      offset += chunk.count
    }
  }

  /// Puts the file in its place.
  ///
  /// - Throws: `alreadyExists` when somebody else put a file there meanwhile and the policy does not
  ///   replace, `system` when flushing or renaming fails; then nothing is left behind.
  public consuming func commit() throws(CheckpointError) {
    try Interruption.check(reportedPath.string)
    try flush()
    if policy.synchronizes {
      try check(SystemCalls.synchronize(descriptor), "flush", reportedPath)
    }
    try Placement.place(temporary, at: target, replacing: policy.replacesExisting)
    isCommitted = true
    if policy.synchronizes { try Placement.synchronizeDirectory(of: target) }
  }

  private mutating func flush() throws(CheckpointError) {
    guard !buffer.isEmpty else { return }
    try writeThrough(buffer.span.rawBytes)
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeThrough(_ bytes: RawSpan) throws(CheckpointError) {
    // SAFETY: the buffer is written before the closure returns.
    _ = try unsafe bytes.withUnsafeBytes { buffer throws(CheckpointError) in
      try calling("write", reportedPath) { unsafe try descriptor.writeAll(buffer) }
    }
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

  /// The permissions of the file that will be replaced, nil when there is none.
  private static func permissionsOfFile(
    toReplace target: FilePath, policy: OutputPolicy
  ) throws(CheckpointError) -> FilePermissions? {
    guard let status = try? Stat(target, followTargetSymlink: false) else { return nil }
    guard policy.replacesExisting else {
      throw status.type == .directory
        ? .alreadyExists(target, hint: "it is a directory: name a file in it")
        : .alreadyExists(target)
    }
    switch status.type {
    // Not set-user-id and its like: the new file may have another owner.
    case .regular: return status.permissions.subtracting([.setUserID, .setGroupID])
    case .symbolicLink: return nil
    case .directory:
      throw CheckpointError(.invalidArgument, "is a directory", path: target.string)
    default:
      throw CheckpointError(.invalidArgument, "is not a regular file", path: target.string)
    }
  }
}
