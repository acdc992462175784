// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tensors
import TestSupport

/// Replaces what is there, and does not wait for the drive.
let replacing = OutputPolicy(replacesExisting: true, synchronizes: false)
/// Replaces nothing, and does not wait for the drive.
let careful = OutputPolicy(replacesExisting: false, synchronizes: false)

/// Writes a file the way a command does.
func writeAtomically(
  _ bytes: [UInt8], to path: String, _ policy: OutputPolicy = careful
) throws(CheckpointError) {
  var file = try AtomicFile(path: path, policy: policy)
  try file.write(bytes.span.rawBytes)
  try file.commit()
}

/// Bytes that differ from their neighbours and repeat late.
func pattern(_ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}

/// The permission bits of a file, set-user-id and the like included.
func mode(of path: String) -> mode_t {
  var status = stat()
  return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
}

/// A file system of one mebibyte, where this process may mount one; unmounted with the value.
final class TinyFileSystem {
  let directory: TemporaryDirectory

  init?() {
    guard let directory = try? TemporaryDirectory(),
      mount("tmpfs", directory.path, "tmpfs", 0, "size=1m") == 0
    else { return nil }
    self.directory = directory
  }

  deinit { umount(directory.path) }

  static let isMountable = TinyFileSystem() != nil
}
