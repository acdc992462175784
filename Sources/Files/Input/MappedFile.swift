// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import SystemPackage
public import Tensors

/// A read-only memory map of a file; unmapped at the end of the value's life.
///
/// Pages are read when they are first accessed. If another program truncates the file while it is
/// mapped, accessing the missing part ends the process with SIGBUS; code that must survive this
/// reads with `InputFile.read`. The package itself never truncates a file that may be mapped.
@safe
public struct MappedFile: ~Copyable, Sendable {
  // SAFETY: `start` points at `lead + byteCount` bytes that stay mapped until `deinit` and that this
  // process never writes through the mapping, so that threads may share them.
  nonisolated(unsafe) let start: UnsafeRawPointer?
  /// The bytes of the mapping before those of the file: a section is not at the start of its file.
  let lead: Int
  /// The size in bytes.
  public let byteCount: Int

  /// Maps the whole file.
  ///
  /// - Throws: `system` when mapping fails, `truncated` when the file has shrunk since it was
  /// opened.
  public init(_ file: InputFile) throws(CheckpointError) {
    let status = try calling("examine", file.filePath) { try file.descriptor.stat() }
    guard status.size >= file.start + file.byteCount else {
      throw .truncated(need: file.byteCount, have: Int(status.size), at: 0).inFile(file.path)
    }
    guard file.byteCount > 0 else {
      // The kernel refuses an empty mapping.
      unsafe start = nil
      lead = 0
      byteCount = 0
      return
    }
    switch unsafe SystemCalls.map(file.descriptor, byteCount: file.start + file.byteCount) {
    case .success(let address): unsafe start = address
    case .failure(let reason):
      throw .system("map into memory", reason, path: file.filePath)
    }
    lead = file.start
    byteCount = file.byteCount
  }

  deinit {
    if let start = unsafe start {
      // SAFETY: spans of these bytes borrow this value, so that none outlives it.
      unsafe SystemCalls.unmap(start, byteCount: lead + byteCount)
    }
  }

  /// All the bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      guard let start = unsafe start else { return RawSpan() }
      // SAFETY: the bytes stay mapped while `self` is borrowed.
      let span = unsafe RawSpan(_unsafeStart: start + lead, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}

/// A memory map with several owners; unmapped when the last one releases it.
public final class SharedMapping: Sendable {
  private let file: MappedFile

  /// Takes ownership of a mapping.
  public init(_ file: consuming MappedFile) {
    self.file = file
  }

  /// All the bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      guard let start = unsafe file.start else { return RawSpan() }
      // SAFETY: the mapping is never replaced, and `self`, which owns it, is borrowed. The span is
      // formed from the pointer because the compiler does not let `file.bytes` leave this scope.
      let span = unsafe RawSpan(_unsafeStart: start + file.lead, byteCount: file.byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Frees the memory of a part that has been read; the bytes are read again when they are accessed.
  ///
  /// - Parameter range: bytes of the file; the part of it that is beyond the mapping is ignored.
  package func forget(_ range: Range<Int>) {
    let range = range.clamped(to: 0..<file.byteCount)
    guard let start = unsafe file.start, !range.isEmpty else { return }
    // SAFETY: the range is inside the mapping, which is read-only.
    unsafe SystemCalls.forget(start + file.lead + range.lowerBound, byteCount: range.count)
  }
}

/// A memory map of a file that is created on first use.
package final class LazyMapping: Sendable {
  private let file: InputFile
  private let mapping = Mutex<SharedMapping?>(nil)

  /// Creates a value that will map `file`.
  package init(_ file: InputFile) {
    self.file = file
  }

  /// Returns the mapping, after creating it on the first call.
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
