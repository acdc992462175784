// SPDX-License-Identifier: Apache-2.0

/// A kind of file that is often found in the place of a checkpoint (spec/command-line.md, L4).
struct Impostor: Equatable {
  /// The kind, with an article, such as `a web page`.
  let name: String
  /// How to get to the tensors; nil when there are none.
  let hint: String?

  init(_ name: String, hint: String? = nil) {
    self.name = name
    self.hint = hint
  }

  /// Recognizes a file that no format recognizes by its first and last bytes, never by its name.
  ///
  /// - Complexity: O(1).
  init?(_ ends: FileEnds) {
    // A safetensors file that is cut off is still one.
    guard !ends.startsAsSafeTensors else { return nil }
    let tables = [Self.signs, Self.binaries, Self.models, Self.texts]
    for table in tables {
      if let kind = table.first(where: { $0.recognizes(ends) }) {
        self = kind.impostor
        return
      }
    }
    let special = [Self.lfsPointer, Self.serverAnswer, Self.json]
    guard let impostor = special.lazy.compactMap({ $0(ends) }).first else { return nil }
    self = impostor
  }

  /// A config, or an index whose name does not say so.
  static let json = Impostor(
    "a JSON file", hint: "name the weights file or the adapter directory")

  /// The files that macOS puts next to others where it cannot store their metadata.
  static let appleDouble = Impostor(
    "an AppleDouble file (macOS metadata)",
    hint: "delete it, and name the file without \"._\" in front")

  /// A JSON text that is not an answer of a server.
  private static func json(_ ends: FileEnds) -> Impostor? {
    ends.text.hasPrefix("{") || ends.text.hasPrefix("[") ? .json : nil
  }
}

extension Impostor {
  /// A kind of file, and the signatures by which it is recognized: one must match.
  struct Kind: Sendable {
    let impostor: Impostor
    let signatures: [Signature]

    init(_ name: String, hint: String? = nil, _ signatures: Signature...) {
      impostor = Impostor(name, hint: hint)
      self.signatures = signatures
    }

    init(_ impostor: Impostor, _ signatures: Signature...) {
      self.impostor = impostor
      self.signatures = signatures
    }

    func recognizes(_ ends: FileEnds) -> Bool { signatures.contains { $0.matches(ends) } }
  }

  /// What the bytes of a kind of file have in common.
  enum Signature: Sendable {
    /// These bytes, at an offset.
    case bytes([UInt8], at: Int = 0)
    /// These bytes at the end.
    case end([UInt8])
    /// One of these texts in lower case, after white space.
    case text([String])
    /// A rule.
    case rule(@Sendable (FileEnds) -> Bool)

    /// These characters, at an offset.
    static func ascii(_ text: String, at offset: Int = 0) -> Signature {
      .bytes(Array(text.utf8), at: offset)
    }

    func matches(_ ends: FileEnds) -> Bool {
      switch self {
      case .bytes(let bytes, let offset): ends.head.dropFirst(offset).starts(with: bytes)
      case .end(let bytes): ends.tail.suffix(bytes.count).elementsEqual(bytes)
      case .text(let starts): starts.contains { ends.text.hasPrefix($0) }
      case .rule(let holds): holds(ends)
      }
    }
  }
}
