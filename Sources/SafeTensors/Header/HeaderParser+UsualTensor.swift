// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The text of an entry from its brace to the bracket before the dimensions, and its meaning.
struct UsualStart {
  let text: Range<Int>
  let dtype: DType
}

extension HeaderParser {
  /// Parses an entry as writers produce it: it starts like the entry before, and the rest has no
  /// white space and no other fields.
  ///
  /// Equal text has the same meaning and is not parsed again. In a large header nearly all entries
  /// are read this way.
  ///
  /// - Returns: nil for everything else, valid or not; the cursor has not moved.
  @inline(__always)
  mutating func takeUsualTensor(named key: StringToken) -> HeaderTables.Entry? {
    guard let usualStart, !key.hasEscapes else { return nil }
    let shape = dimensions.count
    // A local cursor can stay in registers.
    var cursor = scanner
    guard cursor.takeText(likeThatAt: usualStart.text), takeUsualExtents(&cursor),
      cursor.takeUsualField() == .dataOffsets, cursor.takePlain(UInt8(ascii: "[")),
      let begin = cursor.takeShortInteger(), cursor.takePlain(UInt8(ascii: ",")),
      let end = cursor.takeShortInteger(), cursor.takePlain(UInt8(ascii: "]")),
      cursor.takePlain(UInt8(ascii: "}"))
    else {
      dimensions.removeSubrange(shape...)
      return nil
    }
    scanner.position = cursor.position
    return HeaderTables.Entry(
      name: key.range, shape: shape..<dimensions.count, dtype: usualStart.dtype, begin: begin,
      end: end)
  }

  /// Parses dimensions after their bracket, up to the next field.
  @inline(__always)
  private mutating func takeUsualExtents(_ cursor: inout HeaderScanner) -> Bool {
    if !cursor.takePlain(UInt8(ascii: "]")) {
      repeat {
        guard let extent = cursor.takeShortInteger() else { return false }
        dimensions.append(extent)
      } while cursor.takePlain(UInt8(ascii: ","))
      guard cursor.takePlain(UInt8(ascii: "]")) else { return false }
    }
    return cursor.takePlain(UInt8(ascii: ","))
  }
}

extension HeaderScanner {
  /// Consumes `byte` if it is next, without white space before it.
  @inline(__always)
  fileprivate mutating func takePlain(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  /// Consumes the next bytes if they are the same as an earlier range.
  @inline(__always)
  fileprivate mutating func takeText(likeThatAt range: Range<Int>) -> Bool {
    guard bytes.count - position >= range.count,
      bytes.extracting(range).elementsEqual(
        bytes.extracting(position..<position + range.count))
    else { return false }
    position += range.count
    return true
  }
}
