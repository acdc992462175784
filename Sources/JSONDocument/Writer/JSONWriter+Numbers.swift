// SPDX-License-Identifier: Apache-2.0
extension JSONWriter {
  /// Writes an integer.
  public mutating func integer(_ value: Int) {
    beginValue()
    if value < 0 { buffer.append(UInt8(ascii: "-")) }
    buffer.append(decimal: UInt64(value.magnitude))
  }

  /// Writes an integer.
  public mutating func integer(_ value: UInt) {
    beginValue()
    buffer.append(decimal: UInt64(value))
  }

  /// Writes an integer.
  public mutating func integer(_ value: some FixedWidthInteger) {
    beginValue()
    buffer.append(String(value).utf8.span)
  }

  /// Writes an integer of any size.
  public mutating func integer(_ value: JSONInteger) {
    beginValue()
    buffer.append(value.digits.utf8.span)
  }

  /// Writes a float as Python's `repr` does: the fewest digits that read back as the same double.
  public mutating func float(_ value: Double) {
    beginValue()
    if value.isFinite {
      appendRepr(value)
    } else {
      if style.quotesNonFinite { buffer.append(UInt8(ascii: "\"")) }
      append(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
      if style.quotesNonFinite { buffer.append(UInt8(ascii: "\"")) }
    }
  }

  /// Writes a finite float.
  ///
  /// Swift finds the same digits as Python; only the position of the point and the use of an exponent
  /// differ.
  private mutating func appendRepr(_ value: Double) {
    if value.sign == .minus { buffer.append(UInt8(ascii: "-")) }
    let (digits, point) = value.magnitude.shortestDigits
    if point > -4, point <= 16 {
      if point <= 0 {
        append("0.")
        appendZeros(-point)
        buffer.append(digits.span)
      } else {
        let whole = min(point, digits.count)
        buffer.append(digits.span.extracting(first: whole))
        appendZeros(point - whole)
        buffer.append(UInt8(ascii: "."))
        buffer.append(digits.span.extracting(droppingFirst: whole))
        if digits.count <= point { appendZeros(1) }
      }
    } else {
      buffer.append(digits[0])
      if digits.count > 1 {
        buffer.append(UInt8(ascii: "."))
        buffer.append(digits.span.extracting(droppingFirst: 1))
      }
      let exponent = point - 1
      append(exponent < 0 ? "e-" : "e+")
      if exponent.magnitude < 10 { appendZeros(1) }
      buffer.append(decimal: UInt64(exponent.magnitude))
    }
  }

  private mutating func appendZeros(_ count: Int) {
    for _ in 0..<max(count, 0) { buffer.append(UInt8(ascii: "0")) }
  }
}

extension Double {
  /// The digits of a finite, positive number or zero, and the position of the point among them: 0.01
  /// is the digits 1 and the point -1.
  fileprivate var shortestDigits: (digits: [UInt8], point: Int) {
    var digits: [UInt8] = []
    var point: Int?
    var exponent = 0
    var text = description.utf8[...]
    while let byte = text.popFirst() {
      switch byte {
      case UInt8(ascii: "."): point = digits.count
      case UInt8(ascii: "e"):
        exponent = Int(Substring(text)) ?? 0
        text = text.suffix(0)
      default: digits.append(byte)
      }
    }
    let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
    guard leading < digits.count else { return ([UInt8(ascii: "0")], 1) }
    let trailing = digits.reversed().prefix { $0 == UInt8(ascii: "0") }.count
    let end = (point ?? digits.count) + exponent - leading
    return (Array(digits.dropFirst(leading).dropLast(trailing)), end)
  }
}
