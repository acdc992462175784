// SPDX-License-Identifier: Apache-2.0
internal import Tensors
internal import ZipArchive

extension FileScan {
  /// Reports other formats in which the file can be read. torch tries tar before it tries a pickle, and
  /// finds zip archives by their end: the data of a storage can contain such a second file.
  mutating func checkOtherFormats(_ bytes: RawSpan) {
    if Self.isTarToPython(bytes) {
      find(.container, "is a tar archive too, to Python", in: nil, at: 0)
      search(bytes, 0..<bytes.byteCount)
    }
    if let end = try? ZipEnd(of: file) {
      find(.container, "is a zip archive too, by its end", in: nil, at: end.index.lowerBound)
      surveyZip(bytes, in: Place("zip"))
    }
  }

  /// Whether Python's tarfile accepts the first block as a header. It accepts sums of signed and of
  /// unsigned bytes, and more spellings of numbers than the format has.
  static func isTarToPython(_ bytes: RawSpan) -> Bool {
    guard bytes.byteCount >= 512 else { return false }
    let block = bytes.array(0..<512)
    var unsigned = 8 * 0x20
    var signed = 8 * 0x20
    for (index, byte) in block.enumerated() where !(148..<156).contains(index) {
      unsigned += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    guard let sum = pythonNumber(block[148..<156]) else { return false }
    return sum == unsigned || sum == signed
  }

  /// A number of a tar header as `tarfile` reads it: base 256, or what `int(text, 8)` takes.
  private static func pythonNumber(_ field: ArraySlice<UInt8>) -> Int? {
    guard let first = field.first else { return nil }
    if first == 0x80 || first == 0xFF {
      // The number is negative if the first byte is 0xFF; seven bytes fit.
      let value = field.dropFirst().reduce(0) { $0 << 8 | Int($1) }
      return first == 0x80 ? value : value - (1 << 56)
    }
    let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F]
    var text = field.prefix { $0 != 0 }.filter { !blanks.contains($0) && $0 != UInt8(ascii: "_") }
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative || text.first == UInt8(ascii: "+") { text.removeFirst() }
    if text.count > 2, text[0] == UInt8(ascii: "0"), text[1] | 0x20 == UInt8(ascii: "o") {
      text.removeFirst(2)
    }
    guard text.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
    let value = text.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    return isNegative ? -value : value
  }
}
