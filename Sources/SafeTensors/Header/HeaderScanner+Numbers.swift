// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension HeaderScanner {
  /// Whether a number starts at the cursor.
  @inline(__always)
  var isAtNumber: Bool {
    current == UInt8(ascii: "-") || digit() != nil
  }

  /// Scans a size or offset: a plain integer of at most 64 bits.
  ///
  /// - Throws: `malformed` for anything else.
  @inline(__always)
  mutating func scanSize(_ what: StaticString) throws(CheckpointError) -> UInt {
    skipWhitespace()
    if let size = takeShortInteger() { return size }
    let start = position
    if isAtNumber, let size = try scanNumber() { return size }
    throw failure("\(what) must be an integer from 0 to 2^64 - 1", at: start)
  }

  /// Scans a number of at most 19 digits and nothing else. Otherwise the cursor does not move.
  @inline(__always)
  mutating func takeShortInteger() -> UInt? {
    var value: UInt = 0
    var index = position
    let limit = min(bytes.count, position + 19)
    while index < limit {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      value = value &* 10 &+ UInt(digit)
      index += 1
    }
    guard index > position, index < bytes.count else { return nil }
    if bytes[position] == UInt8(ascii: "0"), index - position > 1 { return nil }
    switch bytes[index] {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"),
      UInt8(ascii: "E"):
      return nil
    default:
      position = index
      return value
    }
  }

  /// Scans a number.
  ///
  /// - Returns: its value when it is a plain integer of at most 64 bits, nil for any other number
  ///   (negative, fractional, with an exponent, larger), which is valid JSON but not a size or
  ///   offset.
  /// - Throws: `malformed` for anything else, and for a number that serde_json cannot represent as
  ///   a double.
  mutating func scanNumber() throws(CheckpointError) -> UInt? {
    let start = position
    let isNegative = current == UInt8(ascii: "-")
    if isNegative { position += 1 }
    var number = ApproximateNumber()
    try scanIntegerPart(&number)
    var isInteger = number.exponent == 0
    if current == UInt8(ascii: ".") {
      isInteger = false
      try scanFraction(&number)
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isInteger = false
      try scanExponent(&number)
    }
    guard number.isFinite else { throw failure("a number is out of range", at: start) }
    return isInteger && !isNegative ? UInt(number.significand) : nil
  }

  private mutating func scanIntegerPart(
    _ number: inout ApproximateNumber
  ) throws(CheckpointError) {
    guard let first = digit() else { throw failure("expected a digit") }
    position += 1
    number.append(first)
    if first == 0 {
      guard digit() == nil else { throw failure("a number starts with 0") }
      return
    }
    while let digit = digit() {
      position += 1
      // The first digit that does not fit ends the significand; the rest only change the exponent.
      if number.exponent > 0 || !number.append(digit) { number.exponent += 1 }
    }
  }

  private mutating func scanFraction(_ number: inout ApproximateNumber) throws(CheckpointError) {
    position += 1
    guard digit() != nil else { throw failure("expected a digit after the point") }
    var isFull = false
    while let digit = digit() {
      position += 1
      if isFull { continue }
      if number.append(digit) { number.exponent -= 1 } else { isFull = true }
    }
  }

  private mutating func scanExponent(_ number: inout ApproximateNumber) throws(CheckpointError) {
    position += 1
    var isNegative = false
    if current == UInt8(ascii: "-") || current == UInt8(ascii: "+") {
      isNegative = current == UInt8(ascii: "-")
      position += 1
    }
    guard digit() != nil else { throw failure("expected a digit in the exponent") }
    var exponent = 0
    while let digit = digit() {
      position += 1
      // The limit is far beyond any double and far from overflow.
      exponent = min(exponent * 10 + Int(digit), 1 << 40)
    }
    number.exponent += isNegative ? -exponent : exponent
  }

  @inline(__always)
  private func digit() -> UInt64? {
    guard let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
      return nil
    }
    return UInt64(byte - UInt8(ascii: "0"))
  }
}

/// A decimal number as serde_json parses it without its exact mode (spec/safetensors.md R10): a
/// 64-bit significand and a power of ten. Its rounding refuses some numbers just below the largest
/// double.
private struct ApproximateNumber {
  var significand: UInt64 = 0
  var exponent = 0

  /// Appends a digit; false when it does not fit.
  @discardableResult
  mutating func append(_ digit: UInt64) -> Bool {
    let (tens, overflow) = significand.multipliedReportingOverflow(by: 10)
    let (sum, carry) = tens.addingReportingOverflow(digit)
    guard !overflow, !carry else { return false }
    significand = sum
    return true
  }

  var isFinite: Bool {
    // 2^64 · 10^288 is still a double.
    guard significand != 0, exponent > 288 else { return true }
    guard exponent <= 308 else { return false }
    return (Double(significand) * Self.powerOfTen(exponent)).isFinite
  }

  /// The double nearest to a power of ten, up to 308.
  private static func powerOfTen(_ exponent: Int) -> Double {
    Double("1e\(exponent)") ?? .infinity
  }
}
