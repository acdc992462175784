internal import Tensors

extension Span where Element == UInt8 {
  /// Whether two spans hold the same bytes.
  func elementsEqual(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }

  /// Whether the span spells `text`.
  func elementsEqual(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { unsafe elementsEqual($0.span) }
  }
}

extension DType {
  /// The dtype spelled by these bytes.
  init?(spelling bytes: Span<UInt8>) {
    for dtype in DType.allCases where bytes.elementsEqual(dtype.spelling) {
      self = dtype
      return
    }
    return nil
  }
}
