// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import ZipArchive

/// A zip archive put together field by field, so that each can lie.
package struct RawZip {
  package struct Member {
    package var name: String
    package var content: [UInt8]
    package var method: UInt16
    /// The bytes that stand in the file.
    package var data: [UInt8]
    package var checksum: UInt32
    package var byteCount: UInt32
    package var flags: UInt16

    package init(_ name: String, _ content: [UInt8], method: UInt16 = 0, flags: UInt16 = 0x800)
      throws
    {
      self.name = name
      self.content = content
      self.method = method
      self.flags = flags
      data = method == 0 ? content : try deflated(content)
      var sum = Checksum()
      sum.update(content.span.bytes)
      checksum = sum.value
      byteCount = UInt32(content.count)
    }
  }

  package var members: [Member]

  package init(_ members: [Member]) {
    self.members = members
  }

  package func bytes() -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for member in members {
      let common =
        littleEndian(member.flags) + littleEndian(member.method) + [0, 0, 0x21, 0]
        + littleEndian(member.checksum) + littleEndian(UInt32(member.data.count))
        + littleEndian(member.byteCount) + littleEndian(UInt16(member.name.utf8.count)) + [0, 0]
      directory += Array("PK\u{1}\u{2}".utf8) + [20, 3, 20, 0] + common
      directory += [UInt8](repeating: 0, count: 10) + littleEndian(UInt32(file.count))
      directory += Array(member.name.utf8)
      file += Array("PK\u{3}\u{4}".utf8) + [20, 0] + common + Array(member.name.utf8) + member.data
    }
    let count = littleEndian(UInt16(members.count))
    let start = littleEndian(UInt32(file.count))
    file += directory + Array("PK\u{5}\u{6}".utf8) + [0, 0, 0, 0] + count + count
    return file + littleEndian(UInt32(directory.count)) + start + [0, 0]
  }
}

/// Raw DEFLATE of bytes.
package func deflated(_ content: [UInt8]) throws -> [UInt8] {
  var deflater = try Deflater()
  var data: [UInt8] = []
  try deflater.deflate(content.span.bytes) { piece throws(CheckpointError) in
    data += piece.withUnsafeBytes { Array($0) }
  }
  try deflater.finish { piece throws(CheckpointError) in data += piece.withUnsafeBytes { Array($0) }
  }
  return data
}
