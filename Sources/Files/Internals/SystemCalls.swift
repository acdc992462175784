// The calls into the C library that swift-system does not wrap, as functions that return the reason
// of a failure, nil on success. Interrupted calls are made again.

internal import CFileSystem
internal import SystemPackage

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

enum SystemCalls {
  /// `rename(2)`: an existing `to` is replaced.
  static func rename(_ from: FilePath, to: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(from, to) { unsafe systemRename($0, $1) }
  }

  /// Renames unless `to` exists (`.fileExists`); `.notSupported` where the file system cannot tell.
  static func renameExclusively(_ from: FilePath, to: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(from, to) { unsafe cfs_rename_exclusive($0, $1) }
  }

  /// Swaps what two names stand for; `.notSupported` where the file system cannot.
  static func exchange(_ first: FilePath, _ second: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(first, second) { unsafe cfs_rename_exchange($0, $1) }
  }

  /// `link(2)`: a second name for a file; fails with `.fileExists` if `to` exists.
  static func link(_ from: FilePath, to: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(from, to) { unsafe systemLink($0, $1) }
  }

  /// `symlink(2)`: makes `path` a link that leads to `target`.
  static func symbolicLink(_ path: FilePath, to target: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(target, path) { unsafe symlink($0, $1) }
  }

  /// `readlink(2)`: what a symbolic link says, cut to the longest path there is.
  static func linkText(_ path: FilePath) -> Result<FilePath, Errno> {
    var text = [CChar](repeating: 0, count: 4097)
    // SAFETY: the path is NUL-terminated and outlives the call, which writes one byte less than the
    // buffer holds, so that the text stays NUL-terminated.
    let count = unsafe path.withPlatformString { unsafe readlink($0, &text, text.count - 1) }
    guard count >= 0 else { return .failure(Errno(rawValue: errno)) }
    return .success(FilePath(platformString: text))
  }

  /// `realpath(3)`: the absolute path, without links, of what is there.
  static func resolved(_ path: FilePath) -> Result<FilePath, Errno> {
    // SAFETY: the string is NUL-terminated and outlives the call, whose result is freed once.
    unsafe path.withPlatformString { characters in
      guard let resolved = unsafe realpath(characters, nil) else {
        return .failure(Errno(rawValue: errno))
      }
      defer { unsafe free(resolved) }
      return unsafe .success(FilePath(platformString: resolved))
    }
  }

  /// `unlink(2)`: removes a file or a symbolic link.
  static func unlink(_ path: FilePath) -> Errno? {
    // SAFETY: the string is NUL-terminated and outlives the call.
    unsafe calling(path) { unsafe systemUnlink($0) }
  }

  /// `rmdir(2)`: removes an empty directory.
  static func removeDirectory(_ path: FilePath) -> Errno? {
    // SAFETY: the string is NUL-terminated and outlives the call.
    unsafe calling(path) { unsafe rmdir($0) }
  }

  /// `mkdir(2)` with what the umask leaves of these permissions.
  static func makeDirectory(
    _ path: FilePath, permissions: FilePermissions = .everything
  ) -> Errno? {
    // SAFETY: the string is NUL-terminated and outlives the call.
    unsafe calling(path) { unsafe mkdir($0, permissions.rawValue) }
  }

  /// `fchmod(2)`.
  static func setPermissions(_ mode: FilePermissions, of descriptor: FileDescriptor) -> Errno? {
    calling { fchmod(descriptor.rawValue, mode.rawValue) }
  }

  /// `close(2)`. An interrupted one is not made again: the descriptor is closed, and its number may
  /// already be another file's.
  static func close(_ descriptor: FileDescriptor) -> Errno? {
    do {
      try descriptor.close()
      return nil
    } catch {
      let reason = error as? Errno ?? .ioError
      return reason == .interrupted ? nil : reason
    }
  }

  /// What has this name, a link itself and not what it leads to; nil when nothing has.
  static func status(of path: FilePath) -> Result<Stat?, Errno> {
    do {
      return .success(try Stat(path, followTargetSymlink: false))
    } catch {
      let isAbsent = error == .noSuchFileOrDirectory || error == .notDirectory
      return isAbsent ? .success(nil) : .failure(error)
    }
  }

  /// Writes what the system holds back of this file or directory to the drive.
  static func synchronize(_ descriptor: FileDescriptor) -> Errno? {
    calling { cfs_sync(descriptor.rawValue) }
  }

  /// Takes the file for this descriptor alone, among those who ask; `.wouldBlock` when somebody else
  /// has it. Closing the descriptor gives it back.
  static func lock(_ descriptor: FileDescriptor) -> Errno? {
    calling { cfs_lock(descriptor.rawValue) }
  }

  /// Takes space on the drive for a file's first bytes; `.notSupported` where that cannot be done.
  static func preallocate(_ descriptor: FileDescriptor, byteCount: Int) -> Errno? {
    calling { cfs_preallocate(descriptor.rawValue, Int64(byteCount)) }
  }

  /// Asks the system to write bytes to the drive soon, without waiting for it.
  static func startWriteback(_ descriptor: FileDescriptor, _ range: Range<Int>) {
    cfs_start_writeback(descriptor.rawValue, Int64(range.lowerBound), Int64(range.count))
  }

  /// Copies up to `count` bytes inside the kernel.
  ///
  /// - Returns: the number of bytes copied; `.notSupported` where the kernel cannot.
  static func copyRange(
    from source: FileDescriptor, at offset: Int, to destination: FileDescriptor, at place: Int,
    count: Int
  ) -> Result<Int, Errno> {
    while true {
      let copied = cfs_copy_range(
        source.rawValue, Int64(offset), destination.rawValue, Int64(place), count)
      if copied >= 0 { return .success(copied) }
      let reason = Errno(rawValue: errno)
      if reason != .interrupted { return .failure(reason) }
    }
  }

  /// Maps a file's first bytes, read-only and private.
  ///
  /// - Parameter byteCount: at least 1.
  @unsafe
  static func map(
    _ descriptor: FileDescriptor, byteCount: Int
  ) -> Result<UnsafeRawPointer, Errno> {
    // SAFETY: a fresh read-only mapping aliases no Swift memory.
    let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor.rawValue, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      return unsafe .failure(Errno(rawValue: errno))
    }
    return unsafe .success(UnsafeRawPointer(address))
  }

  /// Ends a mapping that `map` made.
  @unsafe
  static func unmap(_ start: UnsafeRawPointer, byteCount: Int) {
    // SAFETY: the caller vouches that nothing borrows these bytes any more.
    unsafe munmap(UnsafeMutableRawPointer(mutating: start), byteCount)
  }

  /// Asks for large pages behind memory that is about to be filled, where the system has them.
  @unsafe
  static func preferLargePages(_ memory: UnsafeMutableRawBufferPointer) {
    #if os(Linux)
      guard let start = memory.baseAddress else { return }
      // Only whole pages can be spoken of. The end is that of a large page, so that the rest of them is
      // not asked for in vain. The start is that of a small one: a large allocation often begins a few
      // bytes behind the start of a large page, which would be lost.
      let page = UInt(sysconf(CInt(_SC_PAGESIZE)))
      let largePage: UInt = 1 << 21
      let first = UInt(bitPattern: start) / page * page
      let end = (UInt(bitPattern: start) + UInt(memory.count)) / largePage * largePage
      guard first < end else { return }
      // SAFETY: the range is mapped, since the memory reaches into each of its pages, and the call
      // changes no contents, neither of the memory nor of what else is in the first page.
      _ = unsafe madvise(
        UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_HUGEPAGE)
    #endif
  }

  /// Whether a descriptor refers to an open file.
  static func isOpen(_ descriptor: FileDescriptor) -> Bool {
    fcntl(descriptor.rawValue, F_GETFD) != -1
  }

  /// The columns of a terminal; nil for what is not one, or gives none.
  static func terminalWidth(_ descriptor: FileDescriptor) -> Int? {
    let width = cfs_terminal_width(descriptor.rawValue)
    return width > 0 ? Int(width) : nil
  }

  /// Whether a descriptor is a terminal.
  static func isTerminal(_ descriptor: FileDescriptor) -> Bool {
    isatty(descriptor.rawValue) == 1
  }

  /// The name of this host and the id of this process.
  static func processIdentity() -> (host: String, process: Int) {
    var name = [CChar](repeating: 0, count: 256)
    // SAFETY: one byte less than the buffer holds, so that a cut name stays NUL-terminated.
    let result = unsafe gethostname(&name, name.count - 1)
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return (result == 0 ? String(decoding: bytes, as: UTF8.self) : "localhost", Int(getpid()))
  }

  /// The namespace that ids of processes are counted in, where that is not the whole host: in most
  /// containers.
  static func processNamespace() -> UInt64? {
    // What the kernel calls the namespace of the host, on every machine.
    let ofHost: UInt64 = 0xEFFF_FFFC
    guard let status = try? Stat(FilePath("/proc/self/ns/pid")) else { return nil }
    let namespace = UInt64(status.inode.rawValue)
    return namespace == ofHost ? nil : namespace
  }

  /// Whether a process with this id runs on this host, or may run.
  static func isAlive(_ process: Int) -> Bool {
    guard let process = pid_t(exactly: process), process > 0 else { return true }
    return kill(process, 0) == 0 || errno != ESRCH
  }

  private static func calling(_ body: () -> CInt) -> Errno? {
    while body() != 0 {
      let reason = Errno(rawValue: errno)
      if reason != .interrupted { return reason }
    }
    return nil
  }

  @unsafe
  private static func calling(
    _ path: FilePath, _ body: (UnsafePointer<CChar>) -> CInt
  ) -> Errno? {
    unsafe path.withPlatformString { path in calling { unsafe body(path) } }
  }

  @unsafe
  private static func calling(
    _ first: FilePath, _ second: FilePath,
    _ body: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> CInt
  ) -> Errno? {
    unsafe first.withPlatformString { first in
      unsafe second.withPlatformString { second in calling { unsafe body(first, second) } }
    }
  }
}

// The C library's functions under names that the static ones above do not hide.
@unsafe
private func systemRename(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) -> CInt {
  unsafe rename(from, to)
}

@unsafe
private func systemLink(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) -> CInt {
  unsafe link(from, to)
}

@unsafe
private func systemUnlink(_ path: UnsafePointer<CChar>) -> CInt {
  unsafe unlink(path)
}

extension FilePermissions {
  /// Everything for everybody.
  static let everything: Self = [
    .ownerReadWriteExecute, .groupReadWriteExecute, .otherReadWriteExecute,
  ]
}
