// SPDX-License-Identifier: Apache-2.0
internal import Files

/// A path that means a snapshot: the folder of a model in the Hub's cache, or a file in its `refs`
/// (spec/hub-cache.md, Z4).
struct HubPlace {
  let repository: HubRepository
  /// The revision that the file in `refs` is named for; nil for the folder.
  let revision: String?

  /// Recognizes a path by its text, and looks only then.
  init?(path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard let folder = parts.lastIndex(where: { $0.hasPrefix(HubRepository.namePrefix) }) else {
      return nil
    }
    let rest = parts[(folder + 1)...].filter { !$0.isEmpty && $0 != "." }
    if rest.isEmpty {
      revision = nil
    } else {
      guard rest.first == HubRepository.referencesName[...], PathKind.existing(path) == .file else {
        return nil
      }
      revision = rest.dropFirst().joined(separator: "/")
    }
    guard let repository = HubRepository(path: parts[...folder].joined(separator: "/")) else {
      return nil
    }
    self.repository = repository
  }
}
