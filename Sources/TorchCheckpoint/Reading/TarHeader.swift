// SPDX-License-Identifier: Apache-2.0
package import Files
package import Tensors

/// The header of a member of a tar archive, 512 bytes.
package struct TarHeader {
  package let name: String
  package let byteCount: Int
  package let type: UInt8

  package static let blockByteCount = 512

  /// Whether bytes start with a header whose checksum matches.
  static func isHeader(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= blockByteCount, bytes[0] != 0 else { return false }
    guard let sum = number(bytes[148..<156]) else { return false }
    return sum == checksum(bytes[..<blockByteCount])
  }

  /// The sum of all bytes, with blanks in the place of the checksum.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> Int {
    var sum = 8 * 0x20
    for index in bytes.indices where !(148..<156).contains(index - bytes.startIndex) {
      sum += Int(bytes[index])
    }
    return sum
  }

  /// An octal number, which ends at a blank, a NUL or the end of the field.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    let digits = field.drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
    guard !digits.isEmpty, digits.count <= 12 else { return nil }
    guard field[digits.endIndex...].allSatisfy({ $0 == 0 || $0 == 0x20 }) else { return nil }
    return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
  }

  /// Parses a header.
  ///
  /// - Throws: `malformed` when it is damaged or its name is not a single word.
  package init(_ bytes: [UInt8], at offset: Int) throws(CheckpointError) {
    guard Self.isHeader(bytes) else {
      throw .malformed("a header of the tar archive is damaged", at: offset)
    }
    let units = bytes[0..<100].prefix { $0 != 0 }
    guard let size = Self.number(bytes[124..<136]) else {
      throw .malformed("a member of the tar archive has an impossible size", at: offset)
    }
    name = String(decoding: units, as: UTF8.self)
    byteCount = size
    type = bytes[156]
  }
}

/// The members of a tar archive of torch, by name.
package struct TarMembers {
  private var ranges: [String: Range<Int>] = [:]

  package static let names = ["sys_info", "pickle", "tensors", "storages"]

  /// Reads all headers.
  ///
  /// - Throws: `unrecognized` when the first member is not torch's; `malformed` or `unsupported` for
  ///   links, folders, other names, duplicate members, and bytes after the end.
  package init(_ file: InputFile) throws(CheckpointError) {
    var offset = 0
    while true {
      guard file.byteCount - offset >= TarHeader.blockByteCount else {
        // Python pads archives with zeros; a truncated archive lacks its end or a member.
        throw .truncated(
          need: TarHeader.blockByteCount, have: file.byteCount - offset, at: offset)
      }
      let block = try file.read(at: offset, count: TarHeader.blockByteCount)
      if block.allSatisfy({ $0 == 0 }) { break }
      let header = try TarHeader(block, at: offset)
      let start = offset + TarHeader.blockByteCount
      guard header.byteCount <= file.byteCount - start else {
        throw .truncated(need: header.byteCount, have: file.byteCount - start, at: start)
      }
      try add(header, at: offset, in: file)
      let padded = (header.byteCount + 511) / 512 * 512
      offset = start + min(padded, file.byteCount - start)
    }
    try Self.checkEnd(file, from: offset)
  }

  /// The range of a member's bytes.
  ///
  /// - Throws: `malformed` when there is no such member.
  package func range(of name: String) throws(CheckpointError) -> Range<Int> {
    guard let range = ranges[name] else {
      throw .malformed("the member \"\(name)\" of the tar archive is missing", at: 0)
    }
    return range
  }

  private mutating func add(
    _ header: TarHeader, at offset: Int, in file: InputFile
  ) throws(CheckpointError) {
    let start = offset + TarHeader.blockByteCount
    let range = start..<start + header.byteCount
    switch header.type {
    case UInt8(ascii: "0"), 0:
      guard Self.names.contains(where: { $0.utf8.elementsEqual(header.name.utf8) }) else {
        throw CheckpointError(
          offset == 0 ? .unrecognized : .malformed,
          "the tar archive contains \"\(header.name.excerpt)\", which is not part of a torch "
            + "checkpoint", offset: offset)
      }
      guard ranges.updateValue(range, forKey: header.name) == nil else {
        throw .malformed(
          "the member \"\(header.name)\" of the tar archive appears twice", at: offset)
      }
    case UInt8(ascii: "x"):
      try Self.checkExtension(file, range)
    default:
      throw CheckpointError(
        .unsupported,
        "the member \"\(header.name.excerpt)\" of the tar archive is a link, folder or device",
        offset: offset)
    }
  }

  /// Checks that an extended header only gives times or owners, which have no effect here.
  private static func checkExtension(
    _ file: InputFile, _ range: Range<Int>
  ) throws(CheckpointError) {
    guard range.count <= 4096 else {
      throw .malformed("an extended header of the tar archive is too long", at: range.lowerBound)
    }
    let bytes = try file.read(at: range.lowerBound, count: range.count)
    for line in bytes.split(separator: 0x0A) {
      let text = String(decoding: line, as: UTF8.self)
      let field = text.drop { $0 != " " }.dropFirst().prefix { $0 != "=" }
      guard ["mtime", "atime", "ctime", "uname", "gname", "comment"].contains(field) else {
        throw CheckpointError(
          .unsupported,
          "an extended header of the tar archive changes \"\(String(field).excerpt)\"",
          offset: range.lowerBound)
      }
    }
  }

  /// Checks that only zeros follow the last member.
  private static func checkEnd(_ file: InputFile, from start: Int) throws(CheckpointError) {
    var offset = start
    while offset < file.byteCount {
      let bytes = try file.read(at: offset, count: min(1 << 16, file.byteCount - offset))
      if let index = bytes.firstIndex(where: { $0 != 0 }) {
        throw .malformed("unexpected bytes follow the tar archive", at: offset + index)
      }
      offset += bytes.count
    }
  }
}
