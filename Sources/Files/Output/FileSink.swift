internal import SystemPackage
internal import Tensors

/// The end of an output, where bytes become the file's, in their order.
///
/// One thread uses it at a time.
final class FileSink: @unchecked Sendable {
  // SAFETY: `ChunkWriter` uses its sink on the caller's thread until it starts one, and on that one
  // alone from then on until it has ended.
  private let descriptor: FileDescriptor
  private let reportedPath: FilePath
  private let policy: OutputPolicy
  private var byteCount = 0
  private var writebackStart = 0

  /// What the drive is given at a time.
  private static let writebackByteCount = 1 << 23
  /// What the kernel copies before somebody looks whether the user wants to stop.
  private static let kernelChunkByteCount = 1 << 26

  init(_ descriptor: FileDescriptor, reportedPath: FilePath, policy: OutputPolicy) {
    self.descriptor = descriptor
    self.reportedPath = reportedPath
    self.policy = policy
  }

  /// Appends bytes.
  func write(_ bytes: RawSpan) throws(CheckpointError) {
    try Interruption.check(reportedPath)
    // SAFETY: the buffer is written before the closure returns.
    _ = try unsafe bytes.withUnsafeBytes { buffer throws(CheckpointError) in
      try calling("write", reportedPath) { unsafe try descriptor.writeAll(buffer) }
    }
    advance(by: bytes.byteCount)
  }

  /// Appends a part of another file, inside the kernel where it can.
  ///
  /// - Returns: whether the kernel could.
  /// - Throws: `truncated` when the other file has shrunk, `system` when reading or writing fails.
  func copy(from source: InputFile, _ range: Range<Int>) throws(CheckpointError) -> Bool {
    var offset = range.lowerBound
    var canCopy = true
    while offset < range.upperBound, canCopy {
      try Interruption.check(reportedPath)
      switch SystemCalls.copyRange(
        from: source.descriptor, at: offset, to: descriptor,
        count: min(Self.kernelChunkByteCount, range.upperBound - offset))
      {
      case .success(let count) where count > 0:
        offset += count
        advance(by: count)
      // No bytes: the source has shrunk, which reading reports.
      case .success, .failure(.notSupported): canCopy = false
      case .failure(let reason): throw .system("write", reason, path: reportedPath)
      }
    }
    try source.read(offset..<range.upperBound) { piece throws(CheckpointError) in
      try write(piece)
    }
    return canCopy
  }

  private func advance(by count: Int) {
    byteCount += count
    policy.written?.add(count)
    // The drive gets the bytes while more come, and not only when all are there.
    guard policy.synchronizes, byteCount - writebackStart >= Self.writebackByteCount else { return }
    SystemCalls.startWriteback(descriptor, writebackStart..<byteCount)
    writebackStart = byteCount
  }
}
