// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

extension InputFile {
  /// Checks that the file has not been modified since it was opened: other programs can write to a
  /// file without making it shorter. The file may have been renamed or removed.
  ///
  /// - Throws: `mismatch` when it has changed, `system` when its status cannot be read.
  /// - Complexity: one system call; none for a small file, which was read as a whole.
  public func checkUnchanged() throws(CheckpointError) {
    guard contents == nil else { return }
    try refuseChange(to: FileVersion(try calling("examine", filePath) { try descriptor.stat() }))
  }

  /// Checks that the file has not been modified since it was opened, and that its path still leads
  /// to it.
  ///
  /// - Throws: `mismatch` when it has changed, `missing` or `system` when its status cannot be
  ///   read.
  public func checkInPlace() throws(CheckpointError) {
    try refuseChange(to: FileVersion(try calling("examine", filePath) { try descriptor.stat() }))
    try refuseChange(to: FileVersion(try calling("examine", filePath) { try Stat(filePath) }))
  }

  func refuseChange(to now: FileVersion) throws(CheckpointError) {
    guard now == version else { throw changed }
  }

  var changed: CheckpointError {
    CheckpointError(
      .mismatch, "was changed by another program", path: path, hint: "try again"
    )
  }
}
