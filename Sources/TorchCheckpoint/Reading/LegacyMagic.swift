// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The number in the first pickle of a legacy file.
package enum LegacyMagic {
  /// 0x1950A86A20F9469CFC6C, little-endian.
  package static let bytes: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  /// The first bytes of its pickle in protocols 0 and 1.
  package static let textForms: [[UInt8]] = [Array("L119547037146038801333356L\n.".utf8)]

  /// The most bytes before the number in its pickle: a protocol, a frame, and the opcode.
  private static let longestStart = 13

  /// Whether a file starts with the pickle of the number.
  package static func starts(_ file: RawSpan) -> Bool {
    (0...longestStart).contains { file.has(bytes, at: $0) }
      || textForms.contains { file.has($0, at: 0) }
  }

  /// The version of the format, in the second pickle.
  package static let version = 1001
}
