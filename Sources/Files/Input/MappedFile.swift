internal import Synchronization
internal import SystemPackage
public import Tensors

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
    switch unsafe SystemCalls.map(file.descriptor, byteCount: file.byteCount) {
    case .success(let address): unsafe start = address
    case .failure(let reason):
      throw .system("map into memory", reason, path: file.filePath)
    }
    byteCount = file.byteCount
  }

  deinit {
    if let start = unsafe start {
      // SAFETY: spans of these bytes borrow from this value, so that none outlives it.
      unsafe SystemCalls.unmap(start, byteCount: byteCount)
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

/// A mapping with several owners; unmapped when the last one lets go.
public final class SharedMapping: Sendable {
  private let file: MappedFile

  /// Takes over a mapping.
  public init(_ file: consuming MappedFile) {
    self.file = file
  }

  /// All the bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      guard let start = unsafe file.start else { return RawSpan() }
      // SAFETY: the mapping is never replaced, and `self`, which owns it, is borrowed. The span is
      // formed anew because the compiler does not let `file.bytes` leave this scope.
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: file.byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}

/// A mapping of a file that is made when it is first asked for.
package final class LazyMapping: Sendable {
  private let file: InputFile
  private let mapping = Mutex<SharedMapping?>(nil)

  /// Remembers the file.
  package init(_ file: InputFile) {
    self.file = file
  }

  /// The mapping.
  ///
  /// - Throws: `system` when the file cannot be mapped, `truncated` when it has shrunk.
  package func callAsFunction() throws(CheckpointError) -> SharedMapping {
    try mapping.withLock { mapping throws(CheckpointError) in
      if let mapping { return mapping }
      let new = SharedMapping(try MappedFile(file))
      mapping = new
      return new
    }
  }
}
