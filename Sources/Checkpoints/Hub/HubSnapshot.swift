// SPDX-License-Identifier: Apache-2.0
internal import Files
package import Tensors

/// A directory of a snapshot in the Hub's cache, which may lack files: each is downloaded when a program
/// asks for it (spec/hub-cache.md, Z5).
package struct HubSnapshot {
  private let repository: HubRepository
  private let commit: String
  /// The path of the directory below the snapshot; empty for the snapshot itself.
  let place: String

  /// The ending of a blob until it is complete.
  private static let incompleteSuffix = ".incomplete"

  /// Recognizes `…/models--owner--name/snapshots/COMMIT`, and directories in it.
  package init?(path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard let folder = parts.lastIndex(where: { $0.hasPrefix(HubRepository.namePrefix) }) else {
      return nil
    }
    let rest = parts[(folder + 1)...].filter { !$0.isEmpty && $0 != "." }
    guard rest.count > 1, rest[0] == HubRepository.snapshotsName,
      let repository = HubRepository(path: parts[...folder].joined(separator: "/"))
    else { return nil }
    self.repository = repository
    commit = String(rest[1])
    place = rest.dropFirst(2).joined(separator: "/")
  }

  /// The folder of the model.
  var folder: String { repository.path }

  /// An error about files that are not in a directory, with the reason if the directory is one of a
  /// snapshot; other errors, and those that have a hint, unchanged.
  ///
  /// - Parameter names: the names of files, each of which would do.
  package static func explaining(
    _ error: CheckpointError, missing names: [String], in directory: String
  ) -> CheckpointError {
    guard error.hint == nil, let snapshot = HubSnapshot(path: directory) else { return error }
    return snapshot.explaining(error, missing: names)
  }

  private func explaining(_ error: CheckpointError, missing names: [String]) -> CheckpointError {
    if !names.isEmpty, names.allSatisfy(isNotInRepository) {
      return error.hinting(
        "\(repository.name) does not have it at this revision, says the cache of the Hub")
    }
    let blobs = repository.path + "/" + HubRepository.blobsName
    let incomplete = ((try? DirectoryTree.files(in: blobs)) ?? []).filter {
      $0.hasSuffix(Self.incompleteSuffix)
    }
    let others = incomplete.count > 1 ? " and \(incomplete.count - 1) more" : ""
    let reason =
      incomplete.first.map { "a download did not finish (\(blobs)/\($0)\(others))" }
      ?? "the cache of the Hub has only the files that programs asked for"
    return error.hinting(reason).offering(.downloadModel(repository.name, revision: commit))
  }

  /// Whether the cache has noted that the repository does not have a file.
  private func isNotInRepository(_ name: String) -> Bool {
    let inside = place.isEmpty ? name : place + "/" + name
    return PathKind.existing("\(repository.path)/.no_exist/\(commit)/\(inside)") == .file
  }
}
