// SPDX-License-Identifier: Apache-2.0
public import JSONDocument

/// A key of a config class, as a range of releases has it.
public struct FieldVersion: Sendable {
  /// The key as PEFT spells it.
  public let key: String
  /// The releases that have the key with these types and this default.
  public let releases: ReleaseRange
  /// The JSON types that PEFT declares.
  public let types: [FieldType]
  /// How the newest release treats other values.
  let traits: FieldTraits
  /// The default as the table has it; most are never asked for.
  private let defaultText: Substring

  /// Parses a line of the field table: key, releases, traits, types and default.
  init?(parsing line: Substring) {
    let words = line.fields(separatedBy: " ", most: 5)
    guard words.count == 5, let releases = ReleaseRange(parsing: words[1]) else { return nil }
    key = String(words[0])
    self.releases = releases
    traits = FieldTraits(parsing: words[2])
    types = FieldType.parse(words[3])
    defaultText = words[4]
  }

  /// The value of an absent key.
  public var defaultValue: JSONValue { Self.value(defaultText) ?? .null }

  /// Whether PEFT loads an adapter with a value for the key.
  func loads(_ value: JSONValue) -> Bool {
    if value.isNull, !traits.isDisjoint(with: [.required, .nonnull]) { return false }
    if types.accept(value) { return true }
    if let text = value.string, types.hasLiterals {
      return traits.contains(.free) || tolerates(text: text)
    }
    return tolerates(value)
  }

  /// Parses a default, which is one of three words for most fields.
  private static func value(_ text: Substring) -> JSONValue? {
    switch text {
    case "null": .null
    case "true": .bool(true)
    case "false": .bool(false)
    default: try? JSONValue(parsing: Array(text.utf8))
    }
  }

  /// Whether PEFT loads a text that is none of the values: some it reads in any case, and an empty one is
  /// false.
  func tolerates(text: String) -> Bool {
    if text.isEmpty { return !traits.isDisjoint(with: [.falsy, .any]) }
    let spelling = text.lowercased()
    return ["gaussian", "olora", "mica"].contains(spelling) && types.literals.contains(spelling)
  }

  /// Whether PEFT loads a value of another type, as measured.
  func tolerates(_ value: JSONValue) -> Bool {
    if !traits.isDisjoint(with: [.any, .truth]) { return true }
    if traits.contains(.scalar), value.array == nil, value.object == nil { return true }
    if traits.contains(.falsy), value.isFalsy { return true }
    return traits.contains(.float) && value.float != nil
  }
}

extension [FieldVersion] {
  /// Whether a key can be dropped: its value is empty or the default, or matters in training only.
  func areMeaningless(for value: JSONValue) -> Bool {
    guard let version = last else { return value.isFalsy }
    if version.traits.contains(.inert) { return true }
    let usual = version.defaultValue
    return value == usual || value.isFalsy && usual.isFalsy
  }
}

/// The measured treatment of a field by the newest release, beyond its declared types.
struct FieldTraits: OptionSet, Sendable {
  let rawValue: UInt16

  /// No value of another type changes the result.
  static let any = Self(rawValue: 1)
  /// A value of another type counts as its truth value.
  static let truth = Self(rawValue: 2)
  /// A value that is neither a list nor an object counts as its truth value.
  static let scalar = Self(rawValue: 256)
  /// An empty value, 0 and false count as null, or where a field has no null, null as false.
  static let falsy = Self(rawValue: 4)
  /// A float counts as the integer.
  static let float = Self(rawValue: 8)
  /// No value changes the result: the field matters in training only.
  static let inert = Self(rawValue: 16)
  /// A text that the types do not list is accepted.
  static let free = Self(rawValue: 32)
  /// PEFT cannot load an adapter without the key, which has no default.
  static let required = Self(rawValue: 64)
  /// Null is refused although the types have it.
  static let nonnull = Self(rawValue: 128)

  init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// Parses words such as `falsy,inert`; `-` is none.
  init(parsing words: Substring) {
    self = []
    for word in words.fields(separatedBy: ",") {
      switch word {
      case "any": insert(.any)
      case "truth": insert(.truth)
      case "scalar": insert(.scalar)
      case "falsy": insert(.falsy)
      case "float": insert(.float)
      case "inert": insert(.inert)
      case "free": insert(.free)
      case "required": insert(.required)
      case "nonnull": insert(.nonnull)
      default: break
      }
    }
  }
}

extension JSONValue {
  /// Whether Python's `bool` of the value is false.
  var isFalsy: Bool {
    switch self {
    case .null: true
    case .bool(let value): !value
    case .integer: integer == 0
    case .float(let value): value == 0
    case .string(let text): text.isEmpty
    case .array(let items): items.isEmpty
    case .object(let members): members.isEmpty
    }
  }
}
