// Swift compares text by canonical equivalence; files, and Python, compare what is written. UTF-8
// bytes sort as code points do.

extension String {
  /// Whether both are the same bytes.
  func hasSameUTF8(as other: String) -> Bool {
    let left = utf8.span, right = other.utf8.span
    guard left.count == right.count else { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  /// Whether this one's bytes sort before the other's.
  func utf8Precedes(_ other: String) -> Bool {
    let left = utf8.span, right = other.utf8.span
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
      return left[index] < right[index]
    }
    return left.count < right.count
  }
}

extension Hasher {
  /// Feeds the text's bytes and an end mark.
  mutating func combine(utf8Of text: String) {
    combine(utf8: text.utf8.span)
  }

  /// Feeds the bytes and an end mark.
  mutating func combine(utf8 bytes: Span<UInt8>) {
    // SAFETY: the buffer is only read, inside the call that lends it.
    unsafe bytes.withUnsafeBytes { buffer in
      unsafe combine(bytes: buffer)
    }
    combine(UInt8(0xFF))
  }
}

/// A key of an object, compared and hashed by its bytes.
struct UTF8Key: Hashable {
  let string: String

  static func == (left: Self, right: Self) -> Bool {
    left.string.hasSameUTF8(as: right.string)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(utf8Of: string)
  }
}
