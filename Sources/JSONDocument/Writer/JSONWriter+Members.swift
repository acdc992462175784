// SPDX-License-Identifier: Apache-2.0
extension JSONWriter {
  /// Writes a member that is a string, or null.
  package mutating func member(_ key: String, _ value: String?) {
    self.key(key)
    if let value { string(value) } else { null() }
  }

  /// Writes a member that is an integer, or null.
  package mutating func member(_ key: String, _ value: Int?) {
    self.key(key)
    if let value { integer(value) } else { null() }
  }

  /// Writes a member that is true or false.
  package mutating func member(_ key: String, _ value: Bool) {
    self.key(key)
    bool(value)
  }

  /// Writes a member that is a number, or null.
  package mutating func member(_ key: String, _ value: Double?) {
    self.key(key)
    if let value { float(value) } else { null() }
  }

  /// Writes a list of integers.
  package mutating func integers(_ values: [UInt]) {
    integers(values.span)
  }

  /// Writes a list of integers.
  package mutating func integers(_ values: Span<UInt>) {
    beginArray()
    for index in values.indices { integer(values[index]) }
    endArray()
  }

  /// Writes a list of integers.
  package mutating func integers(_ values: [Int]) {
    beginArray()
    for value in values { integer(value) }
    endArray()
  }

  /// Writes the bounds of a range as a list.
  package mutating func bounds(of range: Range<Int>) {
    beginArray()
    integer(range.lowerBound)
    integer(range.upperBound)
    endArray()
  }
}
