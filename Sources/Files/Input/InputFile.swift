// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A regular file open for reading at any offset; safe to share between threads.
///
/// Reads are system calls, not accesses to a mapping, so that a file that shrinks is an error, not
/// a crash. A file of at most 64 KiB is read once, when it is opened; later changes do not show.
public final class InputFile: Sendable {
  /// The path as it was given.
  public let path: String
  /// The size in bytes when the file was opened.
  public let byteCount: Int
  /// The number of hard links when the file was opened.
  public let nameCount: Int
  /// The permissions for outputs that are made from this file.
  public let access: OutputAccess
  let filePath: FilePath
  let descriptor: FileDescriptor
  /// The identity, size and modification time when the file was opened.
  let version: FileVersion
  /// The offset of the first byte in the descriptor's file; 0 except in a section.
  let start: Int
  /// The file that this is a section of, which owns the descriptor.
  private let whole: InputFile?
  /// The contents of a small file, since a header takes many small reads. Nil when it has fewer
  /// bytes than its size, like files in `/proc`.
  let contents: [UInt8]?

  /// The largest file, in bytes, that is read as a whole.
  package static let smallByteCount = 1 << 16

  /// The bytes read at a time; a multiple of every element's size.
  private static let pieceByteCount = 1 << 20

  /// The smallest read, in bytes, into memory with large pages: the page faults of a large header
  /// cost more than reading it.
  private static let largePageByteCount = 1 << 22

  /// Opens a file, following symbolic links.
  ///
  /// - Throws: `missing` when the file does not exist, `system` when it cannot be opened,
  /// `invalidArgument` when it is a directory, pipe or device.
  public convenience init(path: String) throws(CheckpointError) {
    try self.init(FilePath(path))
  }

  /// Opens a file if there is one.
  ///
  /// - Returns: nil when nothing is at the path, or something that is not a regular file.
  /// - Throws: `system` when the file cannot be opened.
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
    try self.init(unlessDirectory: path) { try? $0.close() }
  }

  /// Opens a file, following symbolic links.
  ///
  /// - Parameter takeDirectory: takes the descriptor of a directory that could be opened.
  /// - Returns: nil when the path leads to a directory.
  /// - Throws: as `init(path:)`.
  convenience init?(
    unlessDirectory path: String, else takeDirectory: (FileDescriptor) -> Void
  ) throws(CheckpointError) {
    let filePath = FilePath(path)
    let opened: (descriptor: FileDescriptor, status: Stat)
    do throws(CheckpointError) {
      opened = try Self.open(filePath)
    } catch {
      // A directory without read permission cannot be opened, but its files may be readable.
      guard PathKind.existing(path) == .directory else { throw error }
      return nil
    }
    guard opened.status.type != .directory else {
      takeDirectory(opened.descriptor)
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

  /// Opens what a path leads to and reads its status.
  private static func open(
    _ path: FilePath
  ) throws(CheckpointError) -> (descriptor: FileDescriptor, status: Stat) {
    guard let opened = try openIfPresent(path, absences: [.noSuchFileOrDirectory]) else {
      let error: CheckpointError = .system("open", .noSuchFileOrDirectory, path: path)
      throw error.hinting(AbsentPath.hint(for: path))
    }
    return opened
  }

  /// Opens what a path leads to and reads its status; nil if opening fails with one of `absences`.
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

  /// Takes ownership of a descriptor, which is closed when the file cannot be used.
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
    start = 0
    whole = nil
  }

  /// A part of a file, to be read as a file of its own: its offsets count from its start.
  ///
  /// - Parameter range: bytes of the file; a range beyond its size at opening traps.
  /// - Throws: `truncated` or `system` when a small part, which is read at once, cannot be read.
  package init(_ file: InputFile, section range: Range<Int>) throws(CheckpointError) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= file.byteCount,
      "a section must be inside its file")
    whole = file.whole ?? file
    start = file.start + range.lowerBound
    path = file.path
    byteCount = range.count
    nameCount = file.nameCount
    access = file.access
    filePath = file.filePath
    descriptor = file.descriptor
    version = file.version
    contents =
      (1...Self.smallByteCount).contains(range.count)
      ? try file.read(at: range.lowerBound, count: range.count) : nil
  }

  /// The bytes of a small file; nil for a large one, or if it has fewer bytes than expected.
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
    if whole == nil { try? descriptor.close() }
  }

  /// Fills `destination` from the bytes that start at `offset`.
  ///
  /// - Throws: `truncated` when the file ends first, `system` when a read fails.
  public func read(
    at offset: Int, into destination: inout MutableRawSpan
  ) throws(CheckpointError) {
    let count = destination.byteCount
    guard let contents, offset >= 0, count <= contents.count, offset <= contents.count - count
    else {
      // A whole file that has grown may be read further; a section ends where it ends.
      guard whole == nil || offset >= 0 && count <= byteCount && offset <= byteCount - count else {
        throw .truncated(need: count, have: max(0, byteCount - offset), at: offset)
          .inFile(filePath.string)
      }
      return try Self.read(descriptor, at: start + offset, into: &destination, filePath)
    }
    destination.copyBytes(of: contents.span.rawBytes.extracting(offset..<offset + count))
  }

  /// The current bytes of the file, not those kept from when it was opened.
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
      Self.count(read: read)
    }
  }

  /// Reads the bytes `range` in pieces of 1 MiB, the last one smaller, and passes each to `sink`.
  ///
  /// - Throws: `truncated` when the file ends first, `system` when a read fails, and what `sink`
  ///   throws.
  public func read(
    _ range: Range<Int>, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try readPieces(range) { piece throws(CheckpointError) in try sink(piece.bytes) }
  }

  /// Reads the bytes `range` in pieces of 1 MiB, the last one smaller, which `sink` may modify.
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
  /// A range beyond the size at opening is refused before memory is allocated.
  ///
  /// - Throws: `truncated` when the file ends first, `system` when a read fails.
  public func read(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw .truncated(need: count, have: max(0, byteCount - offset), at: offset).inFile(path)
    }
    return try [UInt8](capacity: count) { output throws(CheckpointError) in
      // SAFETY: every bit pattern is a valid byte, and the bytes count as initialized only after
      // `read` has filled all `count` of them.
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

  /// The whole file, for files that should be small, such as a config.
  ///
  /// - Throws: `unsupported` above `limit` bytes, else as `read(at:count:)`.
  public func readAll(limit: Int) throws(CheckpointError) -> [UInt8] {
    guard byteCount <= limit else {
      throw CheckpointError(
        .unsupported,
        "has \(byteCount) bytes, more than the \(limit) allowed for this kind of file",
        path: path)
    }
    if let contents { return contents }
    return try read(at: 0, count: byteCount)
  }
}
