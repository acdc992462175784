internal import SystemPackage
public import Tensors

/// A file of lines that is added to while others read it, such as a log.
///
/// A line is one call: lines of several threads, and of several processes on one machine, do not mix.
public final class AppendedFile: Sendable {
  /// What to do about a file that is there.
  public enum Existing: Sendable {
    /// It is an error.
    case refused
    /// What it holds is lost.
    case replaced
    /// Lines are added to it.
    case continued
  }

  /// The path.
  public let path: String
  private let descriptor: FileDescriptor

  /// Opens a file, and makes it where there is none.
  ///
  /// A last line that was cut short, by a process that was killed, is ended.
  ///
  /// A pipe waits for its reader, until a signal.
  ///
  /// - Throws: `alreadyExists` when it is there and must not be, `system` when it cannot be written,
  ///   `interrupted`.
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

  /// Adds bytes, which a reader sees together unless the disk is full.
  ///
  /// - Throws: `system` when they cannot be written.
  public func append(_ bytes: [UInt8]) throws(CheckpointError) {
    // SAFETY: the buffer is written before the closure returns.
    _ = try unsafe bytes.span.rawBytes.withUnsafeBytes { buffer throws(CheckpointError) in
      try calling("write", FilePath(path)) { unsafe try descriptor.writeAll(buffer) }
    }
  }

  /// Waits until all is on the drive.
  ///
  /// - Throws: `system` when that fails.
  public func synchronize() throws(CheckpointError) {
    try check(SystemCalls.synchronize(descriptor), "flush", FilePath(path))
    try Placement.synchronizeName(of: FilePath(path))
  }

  /// Whether the file does not end in the middle of a line.
  private static func endsWithLine(_ path: String) throws(CheckpointError) -> Bool {
    let file = try InputFile(path: path)
    guard file.byteCount > 0 else { return true }
    return try file.read(at: file.byteCount - 1, count: 1) == [UInt8(ascii: "\n")]
  }
}
