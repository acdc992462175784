// SPDX-License-Identifier: Apache-2.0

// The calls into the C library that swift-system does not wrap, as functions that return the reason
// of a failure, or nil on success. Interrupted calls are repeated.

internal import CPlatform
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

  /// Renames unless `to` exists (`.fileExists`); `.notSupported` if the file system cannot do this.
  static func renameExclusively(_ from: FilePath, to: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(from, to) { unsafe cp_rename_exclusive($0, $1) }
  }

  /// Swaps the entries at two paths; `.notSupported` if the file system cannot do this.
  static func exchange(_ first: FilePath, _ second: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(first, second) { unsafe cp_rename_exchange($0, $1) }
  }

  /// `link(2)`: gives a file a second name; fails with `.fileExists` if `to` exists.
  static func link(_ from: FilePath, to: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(from, to) { unsafe systemLink($0, $1) }
  }

  /// `symlink(2)`: creates a link to `target` at `path`.
  static func symbolicLink(_ path: FilePath, to target: FilePath) -> Errno? {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe calling(target, path) { unsafe symlink($0, $1) }
  }

  /// `readlink(2)`: the text of a symbolic link, cut to 4,096 bytes.
  static func linkText(_ path: FilePath) -> Result<FilePath, Errno> {
    var text = [CChar](repeating: 0, count: 4097)
    // SAFETY: the path is NUL-terminated and outlives the call, which leaves at least the buffer's
    // last byte zero, so that the text is NUL-terminated.
    let count = unsafe path.withPlatformString { unsafe readlink($0, &text, text.count - 1) }
    guard count >= 0 else { return .failure(Errno(rawValue: errno)) }
    return .success(FilePath(platformString: text))
  }

  /// `realpath(3)`: the absolute path without symbolic links; the path must exist.
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

  /// `mkdir(2)`; the umask applies to `permissions`.
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

  /// `close(2)`. It is not repeated when interrupted: the descriptor is closed already, and its
  /// number may have been reused.
  static func close(_ descriptor: FileDescriptor) -> Errno? {
    do {
      try descriptor.close()
      return nil
    } catch {
      let reason = error as? Errno ?? .ioError
      return reason == .interrupted ? nil : reason
    }
  }

  /// The status of what is at `path`, without following a symbolic link; nil when nothing is there.
  static func status(of path: FilePath) -> Result<Stat?, Errno> {
    do {
      return .success(try Stat(path, followTargetSymlink: false))
    } catch {
      let isAbsent = error == .noSuchFileOrDirectory || error == .notDirectory
      return isAbsent ? .success(nil) : .failure(error)
    }
  }

  /// Flushes a file or directory from the page cache to the drive.
  static func synchronize(_ descriptor: FileDescriptor) -> Errno? {
    calling { cp_sync(descriptor.rawValue) }
  }

  /// Takes an exclusive advisory lock on a file; `.wouldBlock` when another process holds one.
  /// Closing the descriptor releases it.
  static func lock(_ descriptor: FileDescriptor) -> Errno? {
    calling { cp_lock(descriptor.rawValue) }
  }

  /// Allocates space on the drive for a file's first bytes; `.notSupported` if the file system
  /// cannot do this.
  static func preallocate(_ descriptor: FileDescriptor, byteCount: Int) -> Errno? {
    calling { cp_preallocate(descriptor.rawValue, Int64(byteCount)) }
  }

  /// Asks the system to start writing bytes to the drive, without waiting.
  static func startWriteback(_ descriptor: FileDescriptor, _ range: Range<Int>) {
    cp_start_writeback(descriptor.rawValue, Int64(range.lowerBound), Int64(range.count))
  }

  /// Copies up to `count` bytes inside the kernel.
  ///
  /// - Returns: the number of bytes copied; `.notSupported` if the kernel cannot do this.
  static func copyRange(
    from source: FileDescriptor, at offset: Int, to destination: FileDescriptor, at place: Int,
    count: Int
  ) -> Result<Int, Errno> {
    while true {
      let copied = cp_copy_range(
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
    // SAFETY: a new read-only mapping aliases no Swift memory.
    let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor.rawValue, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      return unsafe .failure(Errno(rawValue: errno))
    }
    return unsafe .success(UnsafeRawPointer(address))
  }

  /// Removes a mapping that `map` created.
  @unsafe
  static func unmap(_ start: UnsafeRawPointer, byteCount: Int) {
    // SAFETY: the caller guarantees that nothing borrows these bytes any more.
    unsafe munmap(UnsafeMutableRawPointer(mutating: start), byteCount)
  }

  /// Lets the kernel take back a part of a mapping; its bytes are read again when they are accessed.
  @unsafe
  static func forget(_ start: UnsafeRawPointer, byteCount: Int) {
    // SAFETY: the caller guarantees that the bytes are mapped from a file and never written, so that
    // their contents do not change.
    unsafe cp_forget_pages(start, byteCount)
  }

  /// Asks for large pages for memory that is about to be filled, if the system has them.
  @unsafe
  static func preferLargePages(_ memory: UnsafeMutableRawBufferPointer) {
    // SAFETY: the caller guarantees the memory, whose contents do not change.
    unsafe cp_prefer_large_pages(memory.baseAddress, memory.count)
  }

  /// Whether a descriptor refers to an open file.
  static func isOpen(_ descriptor: FileDescriptor) -> Bool {
    fcntl(descriptor.rawValue, F_GETFD) != -1
  }

  /// The columns of a terminal: those that it gives, else those of `COLUMNS`; nil for what is not a
  /// terminal.
  static func terminalWidth(_ descriptor: FileDescriptor) -> Int? {
    guard isTerminal(descriptor) else { return nil }
    let width = cp_terminal_width(descriptor.rawValue)
    if width > 0 { return Int(width) }
    // SAFETY: the text of a variable is NUL-terminated, and is copied before anything changes it.
    guard let columns = unsafe getenv("COLUMNS") else { return nil }
    return unsafe Int(String(cString: columns)).flatMap { $0 > 0 ? $0 : nil }
  }

  /// Whether a descriptor is a terminal.
  static func isTerminal(_ descriptor: FileDescriptor) -> Bool {
    isatty(descriptor.rawValue) == 1
  }

  /// The name of this host and the ID of this process.
  static func processIdentity() -> (host: String, process: Int) {
    var name = [CChar](repeating: 0, count: 256)
    // SAFETY: the call writes at most all but the last byte, so that a truncated name is
    // NUL-terminated.
    let result = unsafe gethostname(&name, name.count - 1)
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return (result == 0 ? String(decoding: bytes, as: UTF8.self) : "localhost", Int(getpid()))
  }

  /// The inode of the process ID namespace; nil for that of the host. Most containers have their
  /// own.
  static func processNamespace() -> UInt64? {
    // The kernel's fixed inode for the host's namespace.
    let ofHost: UInt64 = 0xEFFF_FFFC
    guard let status = try? Stat(FilePath("/proc/self/ns/pid")) else { return nil }
    let namespace = UInt64(status.inode.rawValue)
    return namespace == ofHost ? nil : namespace
  }

  /// Whether a process with this ID runs on this host, or may run.
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

// The C library's functions under other names: the static functions above hide theirs.
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
  /// Read, write and execute for all users.
  static let everything: Self = [
    .ownerReadWriteExecute, .groupReadWriteExecute, .otherReadWriteExecute,
  ]
}
