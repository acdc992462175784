internal import SystemPackage
public import Tensors

extension InputFile {
  /// Overwrites bytes where they stand, symbolic links followed; all names of the file show it.
  ///
  /// Nothing is written unless the file is still the one that was opened, with the same size and
  /// time of change, and `old` still stands there. The write is one call. It is not crash-safe: what
  /// a reader, or a power cut, meets in the middle is partly new.
  ///
  /// - Parameters:
  ///   - old: what was read from there, as many bytes as `new`; another count is a caller's bug and
  ///     traps.
  ///   - synchronizes: whether the bytes are on the drive on return.
  /// - Throws: `system` when the file may not be written or writing fails, `mismatch` when it has
  ///   changed, `interrupted` after a signal. When writing fails, `old` is put back.
  public func overwrite(
    at offset: Int, _ old: [UInt8], with new: [UInt8], synchronizes: Bool
  ) throws(CheckpointError) {
    precondition(old.count == new.count, "bytes are overwritten one for one")
    // Root may write to it all the same, and would be the only one to.
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
    // Network file systems may only now say that they could not write.
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
      // Where this fails as well nothing more can be done.
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
