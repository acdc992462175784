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
