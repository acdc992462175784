// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// The keys of a config that a release's class does not have, those of one cause together
/// (spec/adapter_config.md, C24).
struct UnknownKeys {
  /// Why a key is unknown, and what comes of it.
  private struct Cause: Hashable {
    /// The releases that have the key; nil for none.
    let releases: ReleaseRange?
    let severity: Finding.Severity
    let code: Finding.Code
    /// What the release does with the key.
    let effect: String
    /// A known key that is spelled nearly so.
    let near: String?
    let isMeaningless: Bool
  }

  private var keys: [(cause: Cause, names: [String])] = []
  private var places: [Cause: Int] = [:]
  private var release = ExaminedRelease.newest.release
  private var count = 0

  /// The most unknown keys that are compared with the known ones.
  private static let suggestionLimit = 16

  /// Adds a key.
  ///
  /// - Parameter known: the keys of the class that the config does not have.
  mutating func add<Known: Sequence<String>>(
    _ member: JSONObject.Member, in fields: FieldFindings, known: () -> Known
  ) {
    release = fields.release.release
    count += 1
    let near =
      count <= Self.suggestionLimit ? member.key.nearest(in: known(), limit: 1).first : nil
    let cause = cause(of: member, in: fields, near: near)
    // A key that no release has is a finding of its own: it may be misspelt.
    if cause.releases != nil, near == nil, let place = places[cause] {
      keys[place].names.append(member.key)
    } else {
      places[cause] = keys.count
      keys.append((cause, [member.key]))
    }
  }

  private func cause(
    of member: JSONObject.Member, in fields: FieldFindings, near: String?
  ) -> Cause {
    let others = fields.fields.versions.filter { $0.key == member.key }
    let isMeaningless = others.areMeaningless(for: member.value)
    var releases: ReleaseRange?
    if let first = others.first, let last = others.last {
      releases = ReleaseRange(first: first.releases.first, last: last.releases.last)
    }
    func cause(
      _ severity: Finding.Severity, _ code: Finding.Code, _ effect: String
    ) -> Cause {
      Cause(
        releases: releases, severity: severity, code: code, effect: effect, near: near,
        isMeaningless: isMeaningless)
    }
    if fields.release.unknownKey == .refuses {
      return cause(.error, "unknown-key", "; it raises TypeError")
    }
    let drops = "; PEFT \(release) drops "
    if isMeaningless { return cause(.note, "unknown-key", drops) }
    if let newer = others.last, newer.releases.last == nil {
      return cause(.error, "lost-key", drops)
    }
    return cause(.warning, "unknown-key", drops)
  }

  /// The findings, in the order of their first keys.
  var findings: [Finding] {
    keys.map { cause, names in
      let isOne = names.count == 1
      let quoted = names.map { "\"\($0.excerpt)\"" }
      let list =
        isOne
        ? quoted[0] : quoted.dropLast().joined(separator: ", ") + " and " + quoted[quoted.count - 1]
      var message = "unknown key \(list)"
      if let releases = cause.releases {
        message =
          "PEFT \(release) does not have the \(isOne ? "key" : "keys") \(list), which PEFT \(releases) "
          + (releases.isOne ? "has" : "have")
      }
      if let near = cause.near { message += "; did you mean \"\(near)\"?" }
      message += cause.effect
      if cause.effect.hasSuffix(" ") { message += isOne ? "it" : "them" }
      if cause.code == "lost-key" {
        message += ", and what the adapter computes changes"
      } else if cause.severity < .error {
        message += Self.refusal
      }
      return Finding(
        cause.severity, cause.code, message, key: names[0],
        repairs: cause.isMeaningless ? names.map { .removeKey($0) } : [])
    }
  }

  /// The releases that raise an error for an unknown key, in words.
  private static var refusal: String {
    let ranges = ExaminedRelease.all.filter { $0.unknownKey == .refuses }.ranges
    return ranges.map { ", and PEFT \($0) raises TypeError" } ?? ""
  }
}
