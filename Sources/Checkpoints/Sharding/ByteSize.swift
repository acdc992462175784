// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A size in bytes as users write it, such as `5GB` (spec/shards.md, H24 and H25).
public struct ByteSize: Sendable, Hashable {
  /// The number of bytes, at least one.
  public let byteCount: Int

  private static let units: [(name: String, byteCount: Int)] = [
    ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000),
    ("TIB", 1 << 40), ("GIB", 1 << 30), ("MIB", 1 << 20), ("KIB", 1 << 10),
  ]

  /// Reads a decimal number with a unit: KB, MB, GB and TB count in thousands, KiB to TiB in 1024s,
  /// in upper or lower case. A whole number without a unit is in bytes.
  ///
  /// A fraction of a byte is truncated, as in huggingface_hub.
  ///
  /// - Throws: `invalidArgument`, with a hint, for anything else, for a size below one byte, and
  ///   for one beyond `Int`.
  public init(parsing text: String) throws(CheckpointError) {
    let spelled = text.trimmingBlanks
    let upper = spelled.uppercased()
    var byteCount: Int?
    if let unit = Self.units.first(where: { upper.hasSuffix($0.name) }) {
      let number = String(spelled.dropLast(unit.name.count)).trimmingBlanks
      // Rounded as in Python: first the number to a double, then the product.
      if number.isDecimalFraction, let value = Double(number) {
        let product = (value * Double(unit.byteCount)).rounded(.towardZero)
        byteCount = Int(exactly: product)
      }
    } else if !spelled.utf8.contains(UInt8(ascii: ".")), spelled.isDecimalFraction {
      byteCount = Int(spelled)
    }
    guard let byteCount, byteCount > 0 else {
      throw CheckpointError(
        .invalidArgument, "\"\(text.excerpt)\" is not a size",
        hint: "write a size such as 5GB, 500MB, 1.5GiB, or a number of bytes")
    }
    self.byteCount = byteCount
  }
}

extension String {
  fileprivate var trimmingBlanks: String {
    let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
    var rest = Substring(self).utf8
    while let first = rest.first, blanks.contains(first) { rest.removeFirst() }
    while let last = rest.last, blanks.contains(last) { rest.removeLast() }
    return String(Substring(rest))
  }

  /// Whether the text consists of digits and at most one point; `Double` accepts more.
  fileprivate var isDecimalFraction: Bool {
    let digits = (UInt8(ascii: "0")...UInt8(ascii: "9"))
    return utf8.contains(where: digits.contains)
      && utf8.allSatisfy { digits.contains($0) || $0 == UInt8(ascii: ".") }
      && utf8.count { $0 == UInt8(ascii: ".") } <= 1
  }
}
