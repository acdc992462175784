// SPDX-License-Identifier: Apache-2.0

/// A value of a pickle in 8 bytes: a small value itself, or the place of another one in the bytes or
/// the graph. A value owns no memory, so that a deep structure is not freed recursively.
package struct PickleValue: BitwiseCopyable, Sendable, Hashable {
  private let bits: UInt64

  /// The kind of a value, with its contents.
  package enum Kind {
    case none
    case bool(Bool)
    /// An integer of up to 60 bits.
    case int(Int)
    /// A larger integer, whose value is not kept.
    case bigInt
    /// A double, without the last four bits.
    case float(Double)
    /// The range of UTF-8 in the bytes, in which Python allows surrogates.
    case text(Range<Int>)
    /// The range of text of protocol 0, with escapes.
    case escapedText(Range<Int>)
    case bytes(Range<Int>)
    /// An allowed name.
    case name(AllowedGlobal)
    /// Another name, by its index in the graph. It means nothing here.
    case foreign(Int)
    /// The index of a node in the graph.
    case node(Int)
  }

  private enum Tag: UInt64 {
    case none, bool, int, bigInt, float, text, escapedText, bytes, name, foreign, node
  }

  private init(_ tag: Tag, _ payload: UInt64) {
    bits = payload << 4 | tag.rawValue
  }

  private init(_ tag: Tag, _ range: Range<Int>) {
    // Pickles have at most 2^28 bytes.
    self.init(tag, UInt64(range.lowerBound) << 30 | UInt64(range.count))
  }

  package static var none: Self { Self(.none, 0) }
  package static func bool(_ value: Bool) -> Self { Self(.bool, value ? 1 : 0) }
  package static func int(_ value: Int) -> Self {
    guard (value << 4) >> 4 == value else { return Self(.bigInt, 0) }
    return Self(.int, UInt64(truncatingIfNeeded: value))
  }
  package static var bigInt: Self { Self(.bigInt, 0) }
  package static func float(_ value: Double) -> Self { Self(.float, value.bitPattern >> 4) }
  package static func text(_ range: Range<Int>) -> Self { Self(.text, range) }
  package static func escapedText(_ range: Range<Int>) -> Self { Self(.escapedText, range) }
  package static func bytes(_ range: Range<Int>) -> Self { Self(.bytes, range) }
  package static func name(_ name: AllowedGlobal) -> Self { Self(.name, UInt64(name.rawValue)) }
  package static func foreign(_ index: Int) -> Self { Self(.foreign, UInt64(index)) }
  package static func node(_ index: Int) -> Self { Self(.node, UInt64(index)) }

  /// The kind of the value.
  package var kind: Kind {
    let payload = bits >> 4
    let range = Int(payload >> 30)..<Int(payload >> 30) + Int(payload & 0x3FFF_FFFF)
    return switch Tag(rawValue: bits & 15) {
    case .bool: .bool(payload == 1)
    case .int: .int(Int(bitPattern: UInt(bits)) >> 4)
    case .bigInt: .bigInt
    case .float: .float(Double(bitPattern: payload << 4))
    case .text: .text(range)
    case .escapedText: .escapedText(range)
    case .bytes: .bytes(range)
    case .name: .name(AllowedGlobal(rawValue: UInt16(truncatingIfNeeded: payload)))
    case .foreign: .foreign(Int(payload))
    case .node: .node(Int(payload))
    case .none?, nil: .none
    }
  }

  /// The index of the node, nil for anything else.
  package var node: Int? { bits & 15 == Tag.node.rawValue ? Int(bits >> 4) : nil }
  /// The number, nil for anything else; `True` does not count as one.
  package var int: Int? {
    bits & 15 == Tag.int.rawValue ? Int(bitPattern: UInt(bits)) >> 4 : nil
  }
  /// Whether it is a number, a bool or None.
  var isNumber: Bool {
    switch Tag(rawValue: bits & 15) {
    case .none?, .bool, .int, .bigInt, .float: true
    default: false
    }
  }
  /// The name, nil for anything else.
  package var name: AllowedGlobal? {
    guard bits & 15 == Tag.name.rawValue else { return nil }
    return AllowedGlobal(rawValue: UInt16(truncatingIfNeeded: bits >> 4))
  }
}
