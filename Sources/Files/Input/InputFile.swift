internal import SystemPackage
public import Tensors

/// A regular file open for reading, by ranges; safe to share between threads.
///
/// Reads are calls, not touches of a mapping: a file that shrinks meanwhile is an error, not a crash.
/// A file of at most 64 KiB is read once, when it is opened, and stays what it was then.
public final class InputFile: Sendable {
  /// The path as it was given.
  public let path: String
  /// The size in bytes when the file was opened.
  public let byteCount: Int
  /// The names that the file has, hard links, when it was opened.
  public let nameCount: Int
  /// Who may use what is made of it.
  public let access: OutputAccess
  let filePath: FilePath
  let descriptor: FileDescriptor
  /// What the file was when it was opened.
  let version: FileVersion
  /// All that a small file held when it was opened: headers are many small reads. Nil when it held less
  /// than its size, as files of the system do.
  let contents: [UInt8]?

  /// The largest file that is read as a whole.
  package static let smallByteCount = 1 << 16

  /// What is read at a time; a multiple of every element's size.
  private static let pieceByteCount = 1 << 20

  /// What is read into memory with large pages: filling the many small ones of a large header takes
  /// longer than reading it.
  private static let largePageByteCount = 1 << 22

  /// Opens a file, following symbolic links.
  ///
  /// - Throws: `missing` when there is none, `system` when it may not be read, `invalidArgument`
  ///   when it is a directory, pipe or device.
  public convenience init(path: String) throws(CheckpointError) {
    try self.init(FilePath(path))
  }

  /// Opens a file if there is one.
  ///
  /// - Returns: nil when nothing has the name, or something that is not a regular file.
  /// - Throws: `system` when the file may not be read.
  public convenience init?(existing path: String) throws(CheckpointError) {
    let path = FilePath(path)
    guard let opened = try Self.openIfPresent(path) else { return nil }
    guard opened.status.type == .regular else {
      try? opened.descriptor.close()
      return nil
    }
    try self.init(path, opened.descriptor, opened.status)
  }

  /// Opens a file, following symbolic links.
  ///
  /// - Returns: nil when the path leads to a directory.
  /// - Throws: as `init(path:)`.
  public convenience init?(unlessDirectory path: String) throws(CheckpointError) {
    let filePath = FilePath(path)
    let opened: (descriptor: FileDescriptor, status: Stat)
    do throws(CheckpointError) {
      opened = try Self.open(filePath)
    } catch {
      // A directory whose names may not be listed: its files may still be opened.
      guard PathKind.existing(path) == .directory else { throw error }
      return nil
    }
    guard opened.status.type != .directory else {
      try? opened.descriptor.close()
      return nil
    }
    try self.init(filePath, opened.descriptor, opened.status)
  }

  /// Opens a file that a `DirectoryTree` listed.
  ///
  /// - Throws: as `init(path:)`.
  public convenience init(
    _ file: RelativePath, in directory: String
  ) throws(CheckpointError) {
    try self.init(file.filePath(in: directory))
  }

  convenience init(_ path: FilePath) throws(CheckpointError) {
    let (descriptor, status) = try Self.open(path)
    try self.init(path, descriptor, status)
  }

  /// Opens whatever a path leads to and reads its status.
  private static func open(
    _ path: FilePath
  ) throws(CheckpointError) -> (descriptor: FileDescriptor, status: Stat) {
    guard let opened = try openIfPresent(path, absences: []) else {
      throw .system("open", .noSuchFileOrDirectory, path: path)
    }
    return opened
  }

  /// The same; nil where opening fails for one of the reasons `absences`.
  private static func openIfPresent(
    _ path: FilePath, absences: [Errno] = [.noSuchFileOrDirectory, .notDirectory]
  ) throws(CheckpointError) -> (descriptor: FileDescriptor, status: Stat)? {
    // Without `nonBlocking`, opening a pipe would wait for a writer.
    let opened = try calling("open", path) { () throws -> FileDescriptor? in
      do {
        return try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
      } catch let reason as Errno where absences.contains(reason) {
        return nil
      }
    }
    guard let descriptor = opened else { return nil }
    do throws(CheckpointError) {
      return (descriptor, try calling("examine", path) { try descriptor.stat() })
    } catch {
      try? descriptor.close()
      throw error
    }
  }

  /// Takes over a descriptor, which is closed when the file cannot be used.
  private init(
    _ path: FilePath, _ descriptor: FileDescriptor, _ status: Stat
  ) throws(CheckpointError) {
    let contents: [UInt8]?
    do throws(CheckpointError) {
      guard status.type == .regular else {
        let kind = status.type == .directory ? "a directory" : "not a regular file"
        throw CheckpointError(.invalidArgument, "is \(kind)", path: path.string)
      }
      contents = try Self.contents(of: descriptor, Int(status.size), path)
    } catch {
      try? descriptor.close()
      throw error
    }
    self.descriptor = descriptor
    filePath = path
    self.path = path.string
    self.byteCount = Int(status.size)
    self.nameCount = status.linkCount
    self.access = OutputAccess(status)
    self.version = FileVersion(status)
    self.contents = contents
  }

  /// The bytes of a small file, nil unless there are as many as expected.
  private static func contents(
    of descriptor: FileDescriptor, _ byteCount: Int, _ path: FilePath
  ) throws(CheckpointError) -> [UInt8]? {
    guard (1...smallByteCount).contains(byteCount) else { return nil }
    do throws(CheckpointError) {
      return try read(descriptor, at: 0, count: byteCount, path)
    } catch  where error.code == .truncated {
      return nil
    }
  }

  deinit {
    try? descriptor.close()
  }

  /// Fills `destination` from the bytes that start at `offset`.
  ///
  /// - Throws: `truncated` when the file ends first, `system` when a read fails.
  public func read(
    at offset: Int, into destination: inout MutableRawSpan
  ) throws(CheckpointError) {
    let count = destination.byteCount
    guard let contents, offset >= 0, count <= contents.count, offset <= contents.count - count
    else { return try Self.read(descriptor, at: offset, into: &destination, filePath) }
    destination.copyBytes(of: contents.span.rawBytes.extracting(offset..<offset + count))
  }

  /// Bytes of the file as it is now, whatever it held when it was opened.
  func readAgain(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
    try Self.read(descriptor, at: offset, count: count, filePath)
  }

  private static func read(
    _ descriptor: FileDescriptor, at offset: Int, count: Int, _ path: FilePath
  ) throws(CheckpointError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var destination = bytes.mutableRawBytes
    try read(descriptor, at: offset, into: &destination, path)
    return bytes
  }

  private static func read(
    _ descriptor: FileDescriptor, at offset: Int, into destination: inout MutableRawSpan,
    _ path: FilePath
  ) throws(CheckpointError) {
    let count = destination.byteCount
    var filled = 0
    while filled < count {
      // SAFETY: the buffer is the rest of `destination`, which is borrowed for the whole call.
      let read = try unsafe destination.withUnsafeMutableBytes { buffer throws(CheckpointError) in
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<count])
        return try calling("read", path) {
          try unsafe descriptor.read(fromAbsoluteOffset: Int64(offset + filled), into: rest)
        }
      }
      guard read > 0 else {
        throw .truncated(need: count - filled, have: 0, at: offset + filled).inFile(path.string)
      }
      filled += read
    }
  }

  /// Passes the bytes `range` on in pieces of a megabyte, the last one smaller.
  ///
  /// - Throws: `truncated` when the file ends first, `system` when a read fails, and what `sink`
  ///   throws.
  public func read(
    _ range: Range<Int>, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try readPieces(range) { piece throws(CheckpointError) in try sink(piece.bytes) }
  }

  /// The same, for a sink that changes what it gets.
  package func readPieces(
    _ range: Range<Int>, to sink: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard !range.isEmpty else { return }
    var buffer = [UInt8](repeating: 0, count: min(Self.pieceByteCount, range.count))
    var offset = range.lowerBound
    while offset < range.upperBound {
      var bytes = buffer.mutableRawBytes
      var piece = bytes._mutatingExtracting(0..<min(bytes.byteCount, range.upperBound - offset))
      try read(at: offset, into: &piece)
      offset += piece.byteCount
      try sink(&piece)
    }
  }

  /// The `count` bytes that start at `offset`.
  ///
  /// A range beyond the size seen at opening is refused before anything is allocated.
  ///
  /// - Throws: `truncated` when the file ends first, `system` when a read fails.
  public func read(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw .truncated(need: count, have: max(0, byteCount - offset), at: offset).inFile(path)
    }
    return try [UInt8](capacity: count) { output throws(CheckpointError) in
      // SAFETY: any byte is a valid one, and `count` of them are counted as initialized only once
      // `read` has filled them all.
      try unsafe output.withUnsafeMutableBufferPointer {
        buffer, initialized throws(CheckpointError) in
        if count >= Self.largePageByteCount {
          unsafe SystemCalls.preferLargePages(UnsafeMutableRawBufferPointer(buffer))
        }
        var bytes = unsafe MutableRawSpan(
          _unsafeBytes: UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
        try read(at: offset, into: &bytes)
        initialized = count
      }
    }
  }

  /// The whole file, for files that are small by nature such as a config.
  ///
  /// - Throws: `unsupported` above `limit` bytes, else as `read(at:count:)`.
  public func readAll(limit: Int) throws(CheckpointError) -> [UInt8] {
    guard byteCount <= limit else {
      throw CheckpointError(
        .unsupported, "has \(byteCount) bytes, more than the \(limit) that such a file may have",
        path: path)
    }
    return try read(at: 0, count: byteCount)
  }
}
