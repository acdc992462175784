// SPDX-License-Identifier: Apache-2.0
internal import CPlatform

/// The limit on the process's open files.
public enum OpenFileLimit {
  /// Raises the limit as far as the process may, up to 65,536: each shard of a model keeps a file
  /// open, and the default is 1024 or 256 on many systems.
  public static func raise() {
    cp_raise_file_limit()
  }
}
