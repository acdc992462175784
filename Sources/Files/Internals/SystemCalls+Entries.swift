// SPDX-License-Identifier: Apache-2.0
internal import CPlatform
internal import SystemPackage

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

extension SystemCalls {
  /// The type of a directory entry, as the listing gives it.
  enum EntryKind {
    case file, directory, link, other
  }

  /// Directory entries in the order of the listing; their names are concatenated in one buffer.
  struct Entries {
    /// The position of a name in the buffer, and the entry's type; nil if the listing does not give
    /// it.
    struct Entry {
      let start: Int
      let count: Int
      let kind: EntryKind?
    }

    var names: [UInt8] = []
    var entries: [Entry] = []
  }

  /// The entries of a directory, without `.` and `..`.
  ///
  /// - Parameter followsLink: whether `directory` may be a symbolic link to one. If not, a link
  /// fails with `.notDirectory` or `.tooManySymbolicLinkLevels`.
  static func entries(of directory: FilePath, followsLink: Bool) -> Result<Entries, Errno> {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followsLink ? 0 : O_NOFOLLOW)
    var descriptor: CInt
    // SAFETY: the path is NUL-terminated and outlives the call.
    repeat {
      descriptor = unsafe directory.withPlatformString { unsafe open($0, flags) }
    } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else { return .failure(Errno(rawValue: errno)) }
    return entries(closing: FileDescriptor(rawValue: descriptor))
  }

  /// The entries of an open directory, whose descriptor is closed.
  static func entries(closing directory: FileDescriptor) -> Result<Entries, Errno> {
    #if os(Linux)
      defer { _ = close(directory) }
      return records(of: directory)
    #else
      return streamed(closing: directory)
    #endif
  }

  #if os(Linux)
    /// The bytes that one call lists: all entries of most directories.
    private static var listedByteCount: Int { 32 << 10 }

    /// The entries, as the kernel lists them: a stream of the C library takes three more calls.
    private static func records(of directory: FileDescriptor) -> Result<Entries, Errno> {
      var result = Entries()
      while true {
        var failure: CInt = 0
        // SAFETY: the call writes no more than the capacity, and returns how many bytes it has written.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: listedByteCount) { buffer, count in
          guard let start = buffer.baseAddress else { return }
          let written = unsafe cp_list(directory.rawValue, start, listedByteCount)
          failure = written < 0 ? errno : 0
          count = max(0, written)
        }
        if failure == EINTR { continue }
        // A directory that was removed has no entries.
        guard failure == 0 || failure == ENOENT else { return .failure(Errno(rawValue: failure)) }
        guard !bytes.isEmpty else { return .success(result) }
        result.append(records: bytes)
      }
    }
  #else
    /// The entries, as the C library lists them.
    private static func streamed(closing directory: FileDescriptor) -> Result<Entries, Errno> {
      // SAFETY: the stream owns the descriptor, is used on this thread only and closed before
      // returning; an entry is read before the next `readdir` overwrites it, and its name is
      // NUL-terminated.
      guard let stream = unsafe fdopendir(directory.rawValue) else {
        let reason = Errno(rawValue: errno)
        _ = close(directory)
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
  #endif

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

#if os(Linux)
  extension SystemCalls.Entries {
    /// Adds entries from `linux_dirent64` structures: 8 bytes of inode and of offset each, the length of the
    /// structure in 2, the type in 1, and the name up to a zero.
    fileprivate mutating func append(records: [UInt8]) {
      let lengthOffset = 16, typeOffset = 18, nameOffset = 19
      var start = 0
      while start + nameOffset < records.count {
        let length =
          Int(records[start + lengthOffset]) | Int(records[start + lengthOffset + 1]) << 8
        guard length > nameOffset, start + length <= records.count else { return }
        let name = records[start + nameOffset..<start + length].prefix { $0 != 0 }
        let type = Int(records[start + typeOffset])
        start += length
        if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
        entries.append(
          Entry(start: names.count, count: name.count, kind: SystemCalls.kind(ofEntryType: type)))
        names.append(contentsOf: name)
      }
    }
  }
#endif
