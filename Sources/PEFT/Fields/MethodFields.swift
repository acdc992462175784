// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
public import JSONDocument
public import Tensors

/// The config class of a method by release: every key with its types, its default and the releases
/// that have it.
///
/// The table is made from real releases of PEFT by Scripts/config_fields.
public struct MethodFields: Sendable {
  /// The method.
  public let type: PEFTType
  /// The releases that have the method.
  public let releases: ReleaseRange
  /// The keys. One whose type or default changed comes once for each change.
  public let versions: [FieldVersion]
  /// The keys in the newest release.
  private let newest: [UTF8Text: FieldVersion]

  /// The methods that were looked up last: the adapters of a tree have few.
  private static let recent = RecentValues<PEFTType, MethodFields>(capacity: 16)

  /// Looks up a method.
  ///
  /// - Returns: nil for a `peft_type` that no release has.
  /// - Complexity: O(keys of the method) for one that was not looked up before.
  public init?(_ type: PEFTType) {
    if let known = Self.recent[type] {
      self = known
      return
    }
    guard let text = FieldTableText.fields(of: type.rawValue) else { return nil }
    var lines = text[...].fields(separatedBy: "\n")[...]
    guard let header = lines.popFirst(), let releases = ReleaseRange(parsing: header) else {
      return nil
    }
    self.type = type
    self.releases = releases
    let versions = (FieldTableText.common[...].fields(separatedBy: "\n") + lines)
      .compactMap(FieldVersion.init)
    self.versions = versions
    let release = ExaminedRelease.newest.release
    newest =
      releases.contains(release)
      ? Self.byKey(versions.filter { $0.releases.contains(release) }) : [:]
    Self.recent.keep(self, of: type)
  }

  /// The keys of the class in a release.
  ///
  /// - Returns: none when the release does not have the method.
  public func fields(in release: PEFTRelease) -> [FieldVersion] {
    releases.contains(release) ? versions.filter { $0.releases.contains(release) } : []
  }

  /// The keys of the class in a release, by name.
  ///
  /// - Complexity: O(1) for the newest release, else O(keys).
  func fieldsByKey(in release: PEFTRelease) -> [UTF8Text: FieldVersion] {
    release == ExaminedRelease.newest.release ? newest : Self.byKey(fields(in: release))
  }

  private static func byKey(_ fields: [FieldVersion]) -> [UTF8Text: FieldVersion] {
    Dictionary(
      fields.map { (UTF8Text($0.key), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The config that PEFT's class has by default in the newest release, sorted by key.
  ///
  /// - Complexity: O(keys · log keys).
  public var defaults: JSONObject {
    let fields = fields(in: ExaminedRelease.newest.release)
    var document = JSONObject(uniqueKeysWithValues: fields.map { ($0.key, $0.defaultValue) })
    document["peft_type"] = .string(type.rawValue)
    document.sortKeys()
    return document
  }

  /// Checks the declared types of all keys in the newest release. Any text is a string.
  ///
  /// - Throws: `mismatch` when a key contains JSON of another type.
  public func check(_ document: JSONObject) throws(CheckpointError) {
    for field in fields(in: ExaminedRelease.newest.release) {
      guard let value = document[field.key] else { continue }
      guard field.types.accept(value) || (value.string != nil && field.types.hasLiterals)
      else { throw CheckpointError(.mismatch, field.mismatch(value)) }
    }
  }
}

extension MethodFields {
  /// The method whose class has the most keys of a config, not counting those that every class has.
  ///
  /// - Returns: nil when no class has three of them.
  static func likelyType(of document: JSONObject) -> PEFTType? {
    let release = ExaminedRelease.newest.release
    let common = Set(
      FieldTableText.common.split(separator: "\n").compactMap {
        FieldVersion(parsing: $0)?.key
      })
    let counts = PEFTType.all.compactMap { type in
      MethodFields(type).map { fields in
        let own = fields.fields(in: release).filter { !common.contains($0.key) }
        return (fields: fields, count: own.count { document[$0.key] != nil })
      }
    }
    // Of classes with as many of the keys, the oldest is the likeliest.
    let best = counts.max { left, right in
      left.count == right.count
        ? left.fields.releases.first > right.fields.releases.first : left.count < right.count
    }
    return best.flatMap { $0.count >= 3 ? $0.fields.type : nil }
  }
}

extension FieldVersion {
  /// A message about a value of another type.
  func mismatch(_ value: JSONValue) -> String {
    "\"\(key)\" must be \(types.expectation(namesTexts: false)), but is \(value.kindInConfig)"
  }
}

extension Substring {
  /// The parts of a text of the field table, without empty ones. The text is ASCII, and splitting
  /// bytes takes a fraction of the time.
  ///
  /// - Parameter most: the largest number of parts; the last one has the rest.
  func fields(separatedBy separator: Unicode.Scalar, most: Int = .max) -> [Substring] {
    utf8.split(separator: UInt8(ascii: separator), maxSplits: most - 1).map(Substring.init)
  }
}

extension PEFTType {
  /// Every `peft_type` of the releases in the field table, in byte order.
  public static var all: [PEFTType] {
    FieldTableText.types[...].fields(separatedBy: "\n").map { PEFTType(rawValue: String($0)) }
  }

  /// Whether an examined release of PEFT has this method; loading any other is an error there.
  public var isKnown: Bool { FieldTableText.fields(of: rawValue) != nil }
}
