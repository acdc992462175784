// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import SystemPackage
internal import Tensors

/// The file under an output: writes and copies bytes to given offsets.
final class FileSink: Sendable {
  private let descriptor: FileDescriptor
  private let reportedPath: FilePath
  private let policy: OutputPolicy

  /// The bytes whose writeback is started at a time.
  private static let writebackByteCount = 1 << 23
  /// The bytes that the kernel copies between checks for an interruption.
  private static let kernelChunkByteCount = 1 << 26

  init(_ descriptor: FileDescriptor, reportedPath: FilePath, policy: OutputPolicy) {
    self.descriptor = descriptor
    self.reportedPath = reportedPath
    self.policy = policy
  }

  /// Writes bytes.
  func write(_ bytes: RawSpan, at offset: Int) throws(CheckpointError) {
    try Interruption.check(reportedPath)
    // SAFETY: the buffer is written before the closure returns.
    _ = try unsafe bytes.withUnsafeBytes { buffer throws(CheckpointError) in
      try calling("write", reportedPath) {
        unsafe try descriptor.writeAll(toAbsoluteOffset: Int64(offset), buffer)
      }
    }
    noteWritten(offset..<offset + bytes.byteCount)
  }

  /// Copies a part of another file, in the kernel if possible.
  ///
  /// - Returns: whether the kernel copied all of it.
  /// - Throws: `truncated` when the other file has shrunk, `system` when reading or writing fails.
  func copy(
    from source: InputFile, _ range: Range<Int>, to start: Int
  ) throws(CheckpointError) -> Bool {
    var offset = range.lowerBound
    var canCopy = true
    while offset < range.upperBound, canCopy {
      try Interruption.check(reportedPath)
      let place = start + offset - range.lowerBound
      switch SystemCalls.copyRange(
        from: source.descriptor, at: source.start + offset, to: descriptor, at: place,
        count: min(Self.kernelChunkByteCount, range.upperBound - offset))
      {
      case .success(let count) where count > 0:
        offset += count
        noteWritten(place..<place + count)
      // No bytes means that the source has shrunk, which the read below reports.
      case .success, .failure(.notSupported): canCopy = false
      case .failure(let reason): throw .system("write", reason, path: reportedPath)
      }
    }
    try source.read(offset..<range.upperBound) { piece throws(CheckpointError) in
      try write(piece, at: start + offset - range.lowerBound)
      offset += piece.byteCount
    }
    return canCopy
  }

  private func noteWritten(_ range: Range<Int>) {
    policy.written?.add(range.count)
    guard policy.synchronizes else { return }
    // Writeback starts while more bytes follow, not only at the end. It lags by one unit, which
    // another thread may still be writing.
    let unit = Self.writebackByteCount
    let start = (range.lowerBound / unit - 1) * unit
    let end = (range.upperBound / unit - 1) * unit
    if start < end { SystemCalls.startWriteback(descriptor, max(0, start)..<end) }
  }
}
