// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

extension InputFile {
  /// Overwrites bytes in place, following symbolic links; all hard links of the file show the
  /// change.
  ///
  /// Nothing is written unless the file is still the one that was opened, with the same size and
  /// modification time, and still contains `old`. The write is one call. It is not crash-safe: a
  /// reader during the write, or after a power cut, may find a mix of old and new bytes.
  ///
  /// - Parameters:
  ///   - offset: the place of the bytes, from the start of the file.
  ///   - old: the bytes at `offset`, as many as `new`; another count is a bug in the caller and
  ///     traps.
  ///   - new: the bytes to write.
  ///   - synchronizes: whether the bytes are flushed to the drive on return.
  /// - Throws: `system` when the file is read-only or writing fails, `mismatch` when it has changed,
  ///   `interrupted` after a signal. When writing fails, `old` is written back.
  public func overwrite(
    at offset: Int, _ old: [UInt8], with new: [UInt8], synchronizes: Bool
  ) throws(CheckpointError) {
    precondition(old.count == new.count, "bytes are overwritten one for one")
    // Root could write to a read-only file nevertheless.
    let permissions = try calling("examine", filePath) { try descriptor.stat().permissions }
    guard !permissions.isDisjoint(with: .writable) else {
      throw CheckpointError(
        .system, "is read-only", path: path, hint: "chmod u+w makes it writable")
    }
    let output = try calling("open for writing", filePath) {
      try FileDescriptor.open(filePath, .readWrite, options: [.closeOnExec, .nonBlocking])
    }
    do throws(CheckpointError) {
      try overwrite(output, at: offset, old, with: new, synchronizes: synchronizes)
    } catch {
      _ = SystemCalls.close(output)
      throw error
    }
    // Network file systems may report failed writes only now.
    try check(SystemCalls.close(output), "close", filePath)
  }

  private func overwrite(
    _ output: FileDescriptor, at offset: Int, _ old: [UInt8], with new: [UInt8],
    synchronizes: Bool
  ) throws(CheckpointError) {
    if SystemCalls.lock(output) == .wouldBlock {
      throw CheckpointError(.system, "is being changed by another program", path: path)
    }
    try refuseChange(to: FileVersion(try calling("examine", filePath) { try output.stat() }))
    guard try readAgain(at: offset, count: old.count) == old else { throw changed }
    try Interruption.check(filePath)
    do throws(CheckpointError) {
      try write(new, at: offset, to: output)
      if synchronizes { try check(SystemCalls.synchronize(output), "flush", filePath) }
    } catch {
      // If this fails too, nothing more can be done.
      try? write(old, at: offset, to: output)
      throw error
    }
  }

  private func write(
    _ bytes: [UInt8], at offset: Int, to output: FileDescriptor
  ) throws(CheckpointError) {
    try calling("write", filePath) {
      _ = try output.writeAll(toAbsoluteOffset: Int64(offset), bytes)
    }
  }
}

extension FilePermissions {
  fileprivate static let writable: Self = [.ownerWrite, .groupWrite, .otherWrite]
}
