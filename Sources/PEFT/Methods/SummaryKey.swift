// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// A key of the config that a summary of an adapter gives, besides the sizes of its modules.
public struct SummaryKey: Sendable, ExpressibleByStringLiteral {
  /// The key of the config.
  public let key: String
  /// The noun for the items of a list or an object, in the singular; nil for a key of a number or a
  /// text, which is given as it is.
  public let noun: String?

  /// Names a key of a number or a text.
  public init(stringLiteral key: String) {
    self.key = key
    noun = nil
  }

  /// Names a key of which the number of items is given.
  public init(_ key: String, counting noun: String) {
    self.key = key
    self.noun = noun
  }

  /// `oft_block_size 8` or `3 tokens`; nil for a value that says nothing: null, zero, nothing.
  func text(of config: AdapterConfig) -> String? {
    guard let value = config.document[key] else { return nil }
    if let noun {
      let count = value.array?.count ?? value.object?.count ?? 0
      return count > 0 ? count.counted(noun) : nil
    }
    if let text = value.string { return "\(key) \(text.excerpt)" }
    return value.number.flatMap { $0 == 0 ? nil : "\(key) \(ValueTally.text($0))" }
  }
}
