internal import CFileSystem

/// How many files a process may have open.
public enum OpenFileLimit {
  /// Raises the limit as far as the process may, up to 65,536: each shard of a model keeps a file
  /// open, and many systems begin with 1024 or 256.
  public static func raise() {
    cfs_raise_file_limit()
  }
}
