// SPDX-License-Identifier: Apache-2.0

/// The metadata of a file: text by key, in the order of the file (`__metadata__` of safetensors).
public struct ArchiveMetadata: Sendable, Hashable {
  /// A key and its text.
  public struct Entry: Sendable, Hashable {
    /// The key, unique as UTF-8 bytes.
    public let key: UTF8Text
    /// The text of the key.
    public let value: String
    /// The value of which the text was made, in formats whose metadata has types; nil for text that
    /// is nothing else.
    public let typed: TypedMetadata?

    /// Creates an entry.
    public init(key: UTF8Text, value: String, typed: TypedMetadata? = nil) {
      self.key = key
      self.value = value
      self.typed = typed
    }
  }

  /// The entries, in order; their keys are distinct.
  public private(set) var entries: [Entry]

  /// Creates metadata from entries in their order. A duplicate key is a programming error and
  /// traps.
  public init(_ entries: [Entry] = []) {
    precondition(
      entries.count < 2 || Set(entries.map(\.key)).count == entries.count,
      "metadata keys must be distinct")
    self.entries = entries
  }

  /// The text of a key. Setting it replaces the text in place or appends an entry; nil removes the
  /// entry.
  ///
  /// - Complexity: O(entries).
  public subscript(key: UTF8Text) -> String? {
    get { entries.first { $0.key == key }?.value }
    set {
      let index = entries.firstIndex { $0.key == key }
      switch (index, newValue) {
      case (let index?, let value?): entries[index] = Entry(key: key, value: value)
      case (let index?, nil): entries.remove(at: index)
      case (nil, let value?): entries.append(Entry(key: key, value: value))
      case (nil, nil): break
      }
    }
  }
}

extension ArchiveMetadata: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (UTF8Text, String)...) {
    self.init(elements.map { Entry(key: $0.0, value: $0.1) })
  }
}

/// A value of metadata as its format stores it, so that it keeps its type when it is written in the
/// same format again. Other formats take the text.
public struct TypedMetadata: Sendable, Hashable {
  /// The format, such as `gguf`.
  public let format: String
  /// The type in words, such as `uint32` or `string[3]`.
  public let type: String
  /// The bytes of type and value, as the format writes them.
  public let bytes: [UInt8]

  /// Describes a value.
  public init(format: String, type: String, bytes: [UInt8]) {
    self.format = format
    self.type = type
    self.bytes = bytes
  }
}
