// SPDX-License-Identifier: Apache-2.0

/// A growable buffer of text with unique ownership.
///
/// An array would check for uniqueness and capacity with every byte.
@safe
struct TextBuffer: ~Copyable {
  private var start: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// The number of bytes.
  private(set) var count = 0

  /// The number of digits of the largest integer.
  private static let mostDigits = 20

  /// Creates an empty buffer.
  init() {
    capacity = 1 << 10
    // SAFETY: `start` is always memory of `capacity` bytes, of which the first `count` are
    // initialized, and no other value ever refers to it.
    unsafe start = .allocate(capacity: capacity)
  }

  deinit {
    // SAFETY: spans of these bytes borrow from this value, so none outlives it.
    unsafe start.deallocate()
  }

  /// All the bytes.
  var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      // SAFETY: the bytes do not move while `self` is borrowed.
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// All the bytes, copied.
  var array: [UInt8] {
    // SAFETY: the buffer is copied before anything changes it.
    unsafe Array(UnsafeBufferPointer(start: start, count: count))
  }

  /// Removes all bytes, and keeps the memory.
  mutating func removeAll() {
    count = 0
  }

  /// Appends a byte.
  @inline(__always)
  mutating func append(_ byte: UInt8) {
    makeRoom(1)
    // SAFETY: there is room for it.
    unsafe put(byte)
  }

  /// Appends two bytes.
  @inline(__always)
  mutating func append(_ first: UInt8, _ second: UInt8) {
    makeRoom(2)
    // SAFETY: there is room for both.
    unsafe put(first)
    unsafe put(second)
  }

  /// Appends bytes.
  @inline(__always)
  mutating func append(_ bytes: Span<UInt8>) {
    makeRoom(bytes.count)
    // SAFETY: there is room for them.
    unsafe put(bytes)
  }

  /// Appends a literal of the program.
  @inline(__always)
  mutating func append(_ text: StaticString) {
    // SAFETY: a literal lives as long as the program.
    text.withUTF8Buffer { unsafe append($0.span) }
  }

  /// Appends bytes with quotes.
  @inline(__always)
  mutating func append(quoting bytes: Span<UInt8>) {
    makeRoom(bytes.count + 2)
    // SAFETY: there is room for the bytes and both quotes.
    unsafe put(UInt8(ascii: "\""))
    unsafe put(bytes)
    unsafe put(UInt8(ascii: "\""))
  }

  /// Appends a literal of the program with quotes.
  @inline(__always)
  mutating func append(quoting text: StaticString) {
    // SAFETY: as above.
    text.withUTF8Buffer { unsafe append(quoting: $0.span) }
  }

  /// Appends a line break, and spaces at the start of the new line.
  @inline(__always)
  mutating func append(lineBreakBefore spaces: Int) {
    makeRoom(1 + spaces + 8)
    // SAFETY: there is room for eight more bytes than are counted.
    unsafe put(UInt8(ascii: "\n"))
    var index = 0
    while index < spaces {
      unsafe UnsafeMutableRawPointer(start + count + index)
        .storeBytes(of: 0x2020_2020_2020_2020, as: UInt64.self)
      index += 8
    }
    count += spaces
  }

  /// Appends the digits of an integer.
  mutating func append(decimal value: UInt64) {
    makeRoom(Self.mostDigits)
    let end = count + Self.digitCount(value)
    var place = end
    var rest = value
    // SAFETY: there is room for the digits of any 64-bit integer; as many as were counted are written,
    // from the last to the first.
    repeat {
      place -= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      unsafe start[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
      rest = quotient
    } while rest > 0
    count = end
  }

  private static func digitCount(_ value: UInt64) -> Int {
    var digits = 1
    var limit: UInt64 = 10
    while value >= limit {
      digits += 1
      // The largest power of ten has as many digits as the largest integer.
      if digits == mostDigits { break }
      limit *= 10
    }
    return digits
  }

  /// Appends a byte for which there is room.
  @unsafe
  @inline(__always)
  private mutating func put(_ byte: UInt8) {
    // SAFETY: the caller has made room.
    unsafe start[count] = byte
    count &+= 1
  }

  /// Appends bytes for which there is room.
  @unsafe
  @inline(__always)
  private mutating func put(_ bytes: Span<UInt8>) {
    // SAFETY: the caller has made room, in memory that no span can refer to.
    unsafe bytes.withUnsafeBufferPointer { buffer in
      guard let source = buffer.baseAddress else { return }
      unsafe Self.copy(source, to: start + count, count: buffer.count)
    }
    count &+= bytes.count
  }

  /// Copies bytes that do not overlap; a few bytes without a call, which would take longer.
  @unsafe
  @inline(__always)
  private static func copy(
    _ source: UnsafePointer<UInt8>, to destination: UnsafeMutablePointer<UInt8>, count: Int
  ) {
    // SAFETY: the caller guarantees both ranges. The two words that are copied are the first and the
    // last of the bytes, and overlap if there are fewer.
    switch count {
    case 8...16: unsafe copyEnds(source, destination, count, as: UInt64.self)
    case 4...7: unsafe copyEnds(source, destination, count, as: UInt32.self)
    default: unsafe destination.initialize(from: source, count: count)
    }
  }

  @unsafe
  @inline(__always)
  private static func copyEnds<Word: BitwiseCopyable>(
    _ source: UnsafePointer<UInt8>, _ destination: UnsafeMutablePointer<UInt8>, _ count: Int,
    as word: Word.Type
  ) {
    let last = count - MemoryLayout<Word>.size
    // SAFETY: the caller guarantees `count` bytes in both ranges, at least as many as in a word.
    unsafe UnsafeMutableRawPointer(destination)
      .storeBytes(of: UnsafeRawPointer(source).loadUnaligned(as: word), as: word)
    unsafe UnsafeMutableRawPointer(destination + last)
      .storeBytes(of: UnsafeRawPointer(source + last).loadUnaligned(as: word), as: word)
  }

  @inline(__always)
  private mutating func makeRoom(_ byteCount: Int) {
    if capacity - count < byteCount { grow(by: byteCount) }
  }

  @inline(never)
  private mutating func grow(by byteCount: Int) {
    capacity = max(2 * capacity, count + byteCount)
    // SAFETY: the new memory has room for all bytes, and the old memory is not used again.
    unsafe start = Self.move(start, count: count, toCapacity: capacity)
  }

  @unsafe
  private static func move(
    _ old: UnsafeMutablePointer<UInt8>, count: Int, toCapacity capacity: Int
  ) -> UnsafeMutablePointer<UInt8> {
    let new = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    // SAFETY: the caller guarantees that `old` has `count` bytes and is not used again.
    unsafe new.moveInitialize(from: old, count: count)
    unsafe old.deallocate()
    return unsafe new
  }
}
