// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// The findings about the keys of a config, as one release of PEFT reads them
/// (spec/adapter_config.md, C20 to C24 and C38 to C41).
struct FieldFindings {
  /// The fields of the config's method.
  let fields: MethodFields
  /// The release that reads the config.
  let release: ExaminedRelease

  /// The findings about all keys, in the order of the config.
  ///
  /// - Complexity: O(keys + items of lists).
  func findings(about document: JSONObject) -> [Finding] {
    let byKey = fields.fieldsByKey(in: release.release)
    var findings: [Finding] = []
    var unknown = UnknownKeys()
    for member in document where !Self.isReadElsewhere(member.key) {
      if let field = byKey[UTF8Text(member.key)] {
        if let finding = valueFinding(member.value, of: field) { findings.append(finding) }
      } else {
        unknown.add(
          member, in: self, known: { byKey.values.lazy.map(\.key).filter { document[$0] == nil } })
      }
    }
    findings += unknown.findings
    for field in fields.versions
    where field.traits.contains(.required) && field.releases.contains(release.release)
      && document[field.key] == nil
    {
      findings.append(missingKeyFinding(field))
    }
    return findings
  }

  /// Whether another rule is about a key.
  static func isReadElsewhere(_ key: String) -> Bool {
    key == "runtime_config" || key == "peft_type" || key == "task_type"
  }

  private func missingKeyFinding(_ field: FieldVersion) -> Finding {
    Finding(
      .error, "missing-key",
      "\"\(field.key)\" is not set, and PEFT cannot load \(fields.type.rawValue) without it",
      key: field.key)
  }

  /// A finding about a value that PEFT does not declare for its key.
  private func valueFinding(_ value: JSONValue, of field: FieldVersion) -> Finding? {
    if value.isNull, field.traits.contains(.required) { return missingKeyFinding(field) }
    if field.types.accept(value) {
      guard value.isNull, field.traits.contains(.nonnull) else { return nil }
      return Finding(
        .error, "wrong-type",
        "\"\(field.key)\" is null, which PEFT cannot load; its default is "
          + field.defaultValue.description, key: field.key)
    }
    if let text = value.string, field.types.hasLiterals {
      return textFinding(text, of: field)
    }
    let message = field.mismatch(value)
    guard field.tolerates(value) else {
      return Finding(.error, "wrong-type", message, key: field.key)
    }
    return Finding(.note, "wrong-type", message + "; PEFT loads it all the same", key: field.key)
  }

  private func textFinding(_ text: String, of field: FieldVersion) -> Finding {
    if field.tolerates(text: text) {
      return Finding(
        .note, "invalid-value",
        "\"\(field.key)\" is \"\(text.excerpt)\", which PEFT reads as "
          + (text.isEmpty ? "false" : "\"\(text.lowercased())\""), key: field.key)
    }
    let near = text.nearest(in: field.types.literals, limit: 1)
    let hint = near.first.map { "; did you mean \"\($0)\"?" } ?? ""
    let message =
      "\"\(field.key)\" must be \(field.types.expectation(namesTexts: true)), but is "
      + "\"\(text.excerpt)\""
    if field.traits.contains(.free) {
      return Finding(
        .warning, "invalid-value", message + "; PEFT ignores it" + hint, key: field.key)
    }
    return Finding(.error, "invalid-value", message + hint, key: field.key)
  }
}
