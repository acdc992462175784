internal import SystemPackage
public import Tensors

extension InputFile {
  /// Makes sure that what has been read is what the file held when it was opened: others may write to
  /// a file without making it shorter. What has become of its name does not matter.
  ///
  /// - Throws: `mismatch` when it has changed, `system` when it cannot be looked at.
  /// - Complexity: one system call; none for a small file, which was read as a whole.
  public func checkUnchanged() throws(CheckpointError) {
    guard contents == nil else { return }
    try refuseChange(to: FileVersion(try calling("examine", filePath) { try descriptor.stat() }))
  }

  /// Makes sure that the file is as it was when it was opened, and still has its name.
  ///
  /// - Throws: `mismatch` when it has changed, `missing` or `system` when it cannot be looked at.
  public func checkInPlace() throws(CheckpointError) {
    try refuseChange(to: FileVersion(try calling("examine", filePath) { try descriptor.stat() }))
    try refuseChange(to: FileVersion(try calling("examine", filePath) { try Stat(filePath) }))
  }

  func refuseChange(to now: FileVersion) throws(CheckpointError) {
    guard now == version else { throw changed }
  }

  var changed: CheckpointError {
    CheckpointError(
      .mismatch, "was changed by another program meanwhile", path: path, hint: "try again")
  }
}
