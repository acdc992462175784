internal import Tensors

/// A description's text from its brace to the bracket before the extents, and what it says.
struct UsualStart {
  let text: Range<Int>
  let dtype: DType
}

extension HeaderParser {
  /// Takes a tensor that is described as writers do it: the start is spelled like that of the tensor before,
  /// the rest is spelled without white space and without anything else.
  ///
  /// Equal text means the same, so that nothing need be looked at again. Of a large header this reads
  /// nearly everything.
  ///
  /// - Returns: nil, and the cursor is where it was, for everything else, right or wrong.
  @inline(__always)
  mutating func takeUsualTensor(named key: StringToken) -> HeaderTables.Entry? {
    guard let usualStart, !key.hasEscapes else { return nil }
    let shape = dimensions.count
    // A cursor of its own can stay in registers.
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

  /// Extents after their bracket, up to the next field.
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
  /// Takes `byte` if it comes next, without white space before it.
  @inline(__always)
  fileprivate mutating func takePlain(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  /// Takes what comes next if it is the same text as that in an earlier place.
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
