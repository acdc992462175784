extension Span where Element == UInt8 {
  /// The same bytes as a raw span, which parsers and writers take.
  public var rawBytes: RawSpan {
    @_lifetime(copy self)
    get {
      // SAFETY: `bytes` is unsafe for element types with padding; a byte has none.
      unsafe bytes
    }
  }
}
