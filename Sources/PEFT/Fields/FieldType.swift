// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
internal import Tensors

/// A JSON type that a key of a config may have; a field has several.
public indirect enum FieldType: Sendable, Hashable {
  case null, boolean, integer, number, string, object
  /// A list whose items have one of the types; any items if there is none.
  case list([FieldType])
  /// One text, or with `*` at the end all texts of the rest and a number.
  case literal(String)

  /// Whether a value has this type. An integer is a number, and integers have 64 bits.
  ///
  /// - Complexity: O(items) for a list.
  public func accepts(_ value: JSONValue) -> Bool {
    switch (self, value) {
    case (.null, .null), (.boolean, .bool), (.string, .string), (.object, .object): true
    case (.integer, .integer): value.integer != nil
    case (.number, .integer), (.number, .float): true
    case (.list(let types), .array(let items)):
      types.isEmpty || items.allSatisfy { types.accept($0) }
    case (.literal(let text), .string(let other)):
      text.hasSuffix("*")
        ? other.hasPrefix(text.dropLast()) && Int(other.dropFirst(text.count - 1)) != nil
        : text.utf8.elementsEqual(other.utf8)
    default: false
    }
  }
}

extension [FieldType] {
  /// Whether a value has one of the types.
  func accept(_ value: JSONValue) -> Bool { contains { $0.accepts(value) } }

  /// The texts that are values, without families such as `pissa_niter_*`.
  var literals: [String] {
    compactMap { if case .literal(let text) = $0, !text.hasSuffix("*") { text } else { nil } }
  }

  /// Whether texts are listed.
  var hasLiterals: Bool {
    contains { if case .literal = $0 { true } else { false } }
  }

  /// The types in words, for messages: "an integer or null".
  ///
  /// - Parameter namesTexts: whether the texts are listed, rather than "a string".
  func expectation(namesTexts: Bool) -> String {
    var words: [String] = []
    for type in self {
      let word = namesTexts ? type.expectation : type.kind.expectation
      if !words.contains(word) { words.append(word) }
    }
    guard words.count > 1, let last = words.last else { return words.first ?? "absent" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension FieldType {
  /// The type without the text of a literal.
  fileprivate var kind: FieldType {
    if case .literal = self { .string } else { self }
  }

  fileprivate var expectation: String {
    switch self {
    case .null: "null"
    case .boolean: "true or false"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .object: "an object"
    case .list([.string]): "a list of strings"
    case .list([.integer]): "a list of integers"
    case .list: "a list"
    case .literal(let text): "\"\(text)\""
    }
  }

  /// Parses types such as `list<string>|"none"|null` of the field table.
  static func parse(_ text: Substring) -> [FieldType] {
    text.splitOutsideBrackets().compactMap(FieldType.init(word:))
  }

  private init?(word: Substring) {
    switch word {
    case "null": self = .null
    case "boolean": self = .boolean
    case "integer": self = .integer
    case "number": self = .number
    case "string": self = .string
    case "object": self = .object
    case "list": self = .list([])
    default:
      if word.hasPrefix("list<"), word.hasSuffix(">") {
        self = .list(Self.parse(word.dropFirst("list<".count).dropLast()))
      } else if word.hasPrefix("\""), word.hasSuffix("\"") {
        self = .literal(String(word.dropFirst().dropLast()))
      } else {
        return nil
      }
    }
  }
}

extension Substring {
  /// The parts between `|` outside `<` and `>`.
  fileprivate func splitOutsideBrackets() -> [Substring] {
    var depth = 0
    return utf8.split { byte in
      if byte == UInt8(ascii: "<") { depth += 1 }
      if byte == UInt8(ascii: ">") { depth -= 1 }
      return byte == UInt8(ascii: "|") && depth == 0
    }.map(Substring.init)
  }
}
