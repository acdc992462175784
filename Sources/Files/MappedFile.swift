internal import SystemPackage
public import Tensors

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// A file's bytes mapped into memory, read-only; unmapped when the value ends.
///
/// The pages are read when they are first touched. A file that is cut short while it is mapped ends
/// the process with SIGBUS when the missing part is touched: work that must survive this reads with
/// `InputFile.read`. Nothing here overwrites a file in place, so that only others can cause it.
@safe
public struct MappedFile: ~Copyable, Sendable {
  // SAFETY: `start` points at `byteCount` mapped bytes that stay mapped, and that this process never
  // writes, until `deinit`; sharing them between threads is sharing constants.
  nonisolated(unsafe) let start: UnsafeRawPointer?
  /// The size in bytes.
  public let byteCount: Int

  /// Maps the whole file.
  ///
  /// - Throws: `system` when the kernel refuses, `truncated` when the file has shrunk since it was
  ///   opened.
  public init(_ file: InputFile) throws(CheckpointError) {
    let status = try calling("examine", file.filePath) { try file.descriptor.stat() }
    guard status.size >= file.byteCount else {
      throw .truncated(need: file.byteCount, have: Int(status.size), at: 0).inFile(file.path)
    }
    guard file.byteCount > 0 else {
      // A mapping of no bytes is refused by the kernel.
      unsafe start = nil
      byteCount = 0
      return
    }
    // SAFETY: a fresh private read-only mapping aliases no Swift memory.
    let address = unsafe mmap(
      nil, file.byteCount, PROT_READ, MAP_PRIVATE, file.descriptor.rawValue, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .system("map into memory", Errno(rawValue: errno), path: file.filePath)
    }
    unsafe start = UnsafeRawPointer(address)
    byteCount = file.byteCount
  }

  deinit {
    if let start = unsafe start {
      // SAFETY: spans of these bytes borrow from this value, so that none outlives it.
      unsafe munmap(UnsafeMutableRawPointer(mutating: start), byteCount)
    }
  }

  /// All the bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      guard let start = unsafe start else { return RawSpan() }
      // SAFETY: the bytes stay mapped while `self` is borrowed.
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}
