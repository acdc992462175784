// SPDX-License-Identifier: Apache-2.0
internal import Files

/// The memory of a part of a mapped file.
struct MappedPart: Sendable {
  private let mapping: SharedMapping
  /// The offset of the part in the file.
  private let start: Int

  /// The memory is freed in pieces of this size, in bytes.
  static let pieceByteCount = 4 << 20

  init(_ mapping: SharedMapping, from start: Int = 0) {
    self.mapping = mapping
    self.start = start
  }

  /// The part that starts at an offset of this one.
  func part(from offset: Int) -> Self { Self(mapping, from: start + offset) }

  /// Frees the memory of bytes that have been followed. They can be read again.
  func forget(_ range: Range<Int>) {
    mapping.forget(start + range.lowerBound..<start + range.upperBound)
  }
}
