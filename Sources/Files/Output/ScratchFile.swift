// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import SystemPackage
public import Tensors

/// A file without a name for data that is computed before there is a place for it. It is gone when
/// nothing refers to it any more, also when the process is killed.
public final class ScratchFile: Sendable {
  private let path: FilePath
  private let descriptor: FileDescriptor
  private let end = Mutex(0)
  /// The name, if it could not be removed at once; it is tried again at the end.
  private let name: FilePath?

  /// Creates a file on the drive of an output.
  ///
  /// - Parameter path: the output, which need not exist, but its directory must.
  /// - Throws: `system` when no file can be created next to it.
  public init(beside path: String) throws(CheckpointError) {
    let target = FilePath(path)
    let made = TemporaryName.makeSibling(of: target) { path -> Result<FileDescriptor, Errno> in
      do {
        return .success(
          try FileDescriptor.open(
            path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: [.ownerReadWrite]))
      } catch {
        return .failure(error as? Errno ?? .ioError)
      }
    }
    switch made {
    case .success(let made):
      (self.path, descriptor) = (target, made.value)
      name = SystemCalls.unlink(made.path) == nil ? nil : made.path
    case .failure(let reason): throw .cannotCreate("a file", beside: target, reason)
    }
  }

  deinit {
    if let name { _ = SystemCalls.unlink(name) }
    try? descriptor.close()
  }

  /// Appends bytes; threads may do so at the same time.
  ///
  /// - Returns: the offset of the first byte.
  /// - Throws: `system` when they cannot be written, `interrupted` after a signal.
  public func append(_ bytes: RawSpan) throws(CheckpointError) -> Int {
    try Interruption.check(path)
    let start = end.withLock { end in
      defer { end += bytes.byteCount }
      return end
    }
    // SAFETY: the buffer is written before the closure returns, and each part is inside it.
    try unsafe bytes.withUnsafeBytes { buffer throws(CheckpointError) in
      var done = 0
      while done < buffer.count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
        done += try calling("write", path) {
          try unsafe descriptor.write(toAbsoluteOffset: Int64(start + done), rest)
        }
      }
    }
    return start
  }

  /// Bytes that were appended.
  ///
  /// - Throws: `system` when they cannot be read, `truncated` beyond the end.
  public func read(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      // SAFETY: the call writes into the rest of the array, at most as many bytes as it has.
      let read = try calling("read", path) {
        try unsafe bytes.withUnsafeMutableBytes { buffer in
          try unsafe descriptor.read(
            fromAbsoluteOffset: Int64(offset + done),
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
        }
      }
      guard read > 0 else {
        throw CheckpointError.truncated(need: count, have: done, at: offset).inFile(path.string)
      }
      done += read
    }
    return bytes
  }
}
