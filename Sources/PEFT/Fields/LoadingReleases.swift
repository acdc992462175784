// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension AdapterConfig {
  /// The examined releases that load the config with its meaning, as far as the config tells
  /// (spec/adapter_config.md, C41).
  ///
  /// - Complexity: O(keys · releases).
  public var loadingReleases: [ExaminedRelease] {
    guard let type = try? peftType, let fields = MethodFields(type) else { return [] }
    let reader = ConfigReader(document, fields)
    return ExaminedRelease.all.filter(reader.isLoaded)
  }

  /// ``loadingReleases`` in words: "0.9.0 to 0.21.2"; nil if there is none.
  public var loadingReleaseRanges: String? { loadingReleases.ranges }
}

/// A config as the releases of PEFT read it. Each value is judged once, not once for each release.
private struct ConfigReader {
  /// A key that is in the config, or that must be.
  private struct Key {
    /// The ranges of releases that have the key, and whether they load its value.
    let versions: [(releases: ReleaseRange, isLoaded: Bool)]
    /// Whether releases without the key can drop it.
    let canBeDropped: Bool
    /// Whether it is in the config.
    let isPresent: Bool
  }

  private let fields: MethodFields
  private let keys: [Key]
  private let hasUnknownTask: Bool
  private let hasRuntimeConfig: Bool

  init(_ document: JSONObject, _ fields: MethodFields) {
    self.fields = fields
    let versions = Dictionary(grouping: fields.versions) { UTF8Text($0.key) }
    var keys: [Key] = []
    for member in document where !FieldFindings.isReadElsewhere(member.key) {
      let own = versions[UTF8Text(member.key)] ?? []
      // A key that only older releases have is dropped with a warning.
      let isNewer = own.last.map { $0.releases.last == nil } ?? false
      keys.append(
        Key(
          versions: own.map { ($0.releases, $0.loads(member.value)) },
          canBeDropped: !isNewer || own.areMeaningless(for: member.value), isPresent: true))
    }
    for field in fields.versions
    where field.traits.contains(.required) && document[field.key] == nil {
      keys.append(
        Key(versions: [(field.releases, false)], canBeDropped: true, isPresent: false))
    }
    self.keys = keys
    let task = document["task_type"]
    hasUnknownTask =
      task.map { task in
        !task.isNull && task.string.flatMap(TaskType.init(rawValue:)) == nil
      } ?? false
    hasRuntimeConfig = document["runtime_config"] != nil
  }

  /// Whether a release loads the config with its meaning.
  func isLoaded(by release: ExaminedRelease) -> Bool {
    guard fields.releases.contains(release.release),
      !(hasUnknownTask && release.unknownTask == .refuses),
      !(hasRuntimeConfig && release.runtimeConfig == .refuses)
    else { return false }
    return keys.allSatisfy { key in
      if let version = key.versions.first(where: { $0.releases.contains(release.release) }) {
        return version.isLoaded
      }
      return !key.isPresent || key.canBeDropped && release.unknownKey != .refuses
    }
  }
}
