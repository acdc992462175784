internal import SystemPackage

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

extension SystemCalls {
  /// What a listing says that a name is.
  enum EntryKind {
    case file, directory, link, other
  }

  /// Names in the order of the directory, one behind the other.
  struct Entries {
    /// Where a name stands among the bytes, and what it is if the listing says so.
    struct Entry {
      let start: Int
      let count: Int
      let kind: EntryKind?
    }

    var names: [UInt8] = []
    var entries: [Entry] = []
  }

  /// What a directory holds, without `.` and `..`.
  ///
  /// - Parameter followsLink: whether a link to a directory is as good as one; it fails with
  ///   `.notDirectory` or `.tooManySymbolicLinkLevels` if not.
  static func entries(of directory: FilePath, followsLink: Bool) -> Result<Entries, Errno> {
    // SAFETY: the stream owns the descriptor, is used on this thread only and closed before
    // returning; an entry is read before the next `readdir` overwrites it, and its name is
    // NUL-terminated.
    unsafe directory.withPlatformString { path in
      let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followsLink ? 0 : O_NOFOLLOW)
      var descriptor: CInt
      repeat { descriptor = unsafe open(path, flags) } while descriptor < 0 && errno == EINTR
      guard descriptor >= 0 else { return .failure(Errno(rawValue: errno)) }
      guard let stream = unsafe fdopendir(descriptor) else {
        let reason = Errno(rawValue: errno)
        _ = close(FileDescriptor(rawValue: descriptor))
        return .failure(reason)
      }
      defer { unsafe closedir(stream) }
      var result = Entries()
      while true {
        errno = 0
        guard let entry = unsafe readdir(stream) else {
          if errno == EINTR { continue }
          return errno == 0 ? .success(result) : .failure(Errno(rawValue: errno))
        }
        let type = unsafe Int(entry.pointee.d_type)
        unsafe withUnsafeBytes(of: &entry.pointee.d_name) { field in
          let name = unsafe field.prefix { $0 != 0 }
          if unsafe name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { return }
          unsafe result.entries.append(
            Entries.Entry(
              start: result.names.count, count: name.count, kind: kind(ofEntryType: type)))
          unsafe result.names.append(contentsOf: name)
        }
      }
    }
  }

  static func kind(ofEntryType type: Int) -> EntryKind? {
    switch type {
    case Int(DT_REG): .file
    case Int(DT_DIR): .directory
    case Int(DT_LNK): .link
    case Int(DT_UNKNOWN): nil
    default: .other
    }
  }
}
