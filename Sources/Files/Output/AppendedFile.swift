// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A text file that lines are appended to while other programs read it, such as a log.
///
/// Each append is one system call, so that lines of several threads, or of several processes on one
/// machine, do not mix.
public final class AppendedFile: Sendable {
  /// The treatment of an existing file.
  public enum Existing: Sendable {
    /// An existing file is an error.
    case refused
    /// An existing file is emptied.
    case replaced
    /// Lines are appended to an existing file.
    case continued
  }

  /// The path.
  public let path: String
  private let descriptor: FileDescriptor

  /// Opens a file, creating it if it does not exist.
  ///
  /// If the last line has no line feed, because its process was killed, one is appended. Opening a
  /// pipe waits for its reader, until a signal.
  ///
  /// - Throws: `alreadyExists` when the file exists and `existing` is `.refused`, `system` when it
  /// cannot be opened or written, `interrupted` after a signal.
  public init(path: String, existing: Existing) throws(CheckpointError) {
    let filePath = FilePath(path)
    var options: FileDescriptor.OpenOptions = [.append, .create, .closeOnExec]
    switch existing {
    case .refused: options.insert(.exclusiveCreate)
    case .replaced: options.insert(.truncate)
    case .continued: break
    }
    descriptor = try Self.open(filePath, options)
    self.path = path
    if existing == .continued, try !Self.endsWithLine(path) { try append([UInt8(ascii: "\n")]) }
  }

  deinit {
    try? descriptor.close()
  }

  private static func open(
    _ path: FilePath, _ options: FileDescriptor.OpenOptions
  ) throws(CheckpointError) -> FileDescriptor {
    while true {
      do {
        return try FileDescriptor.open(
          path, .writeOnly, options: options,
          permissions: [.ownerReadWrite, .groupReadWrite, .otherReadWrite],
          retryOnInterrupt: false)
      } catch Errno.interrupted {
        try Interruption.check(path)
      } catch Errno.fileExists {
        throw .alreadyExists(path)
      } catch {
        throw .system("write", error as? Errno ?? .ioError, path: path)
      }
    }
  }

  /// Appends bytes; a reader sees all or none of them, unless the disk is full.
  ///
  /// - Throws: `system` when they cannot be written.
  public func append(_ bytes: [UInt8]) throws(CheckpointError) {
    // SAFETY: the buffer is written before the closure returns.
    _ = try unsafe bytes.span.rawBytes.withUnsafeBytes { buffer throws(CheckpointError) in
      try calling("write", FilePath(path)) { unsafe try descriptor.writeAll(buffer) }
    }
  }

  /// Flushes all appended bytes to the drive.
  ///
  /// - Throws: `system` when flushing fails.
  public func synchronize() throws(CheckpointError) {
    try check(SystemCalls.synchronize(descriptor), "flush", FilePath(path))
    try Placement.synchronizeName(of: FilePath(path))
  }

  /// Whether the file is empty or ends with a line feed.
  private static func endsWithLine(_ path: String) throws(CheckpointError) -> Bool {
    let file = try InputFile(path: path)
    guard file.byteCount > 0 else { return true }
    return try file.read(at: file.byteCount - 1, count: 1) == [UInt8(ascii: "\n")]
  }
}
