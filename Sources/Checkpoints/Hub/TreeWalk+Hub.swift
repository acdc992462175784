// SPDX-License-Identifier: Apache-2.0
package import Files

/// The snapshots of a model in the Hub's cache that a walk enters.
package enum HubSnapshots: Sendable {
  /// Those in use: of each model the one of `main`, or those that have other names.
  case current
  /// All of them.
  case all
}

extension TreeWalk {
  /// The next directory; of the folder of a model in the Hub's cache only those that contain its files
  /// (spec/hub-cache.md, Z6).
  ///
  /// - Complexity: that of `next()`; for the folder of a model, a few system calls more.
  package mutating func next(entering snapshots: HubSnapshots) -> Step? {
    let step = next()
    guard case .directory(let listing)? = step else { return step }
    let isFolder = HubRepository.isFolder { name in
      listing.index(of: name).map { listing.kind(at: $0) == .directory } ?? false
    }
    if isFolder {
      enterOnly([HubRepository.snapshotsName])
    } else if snapshots == .current, listing.holdsSnapshots(in: root),
      let repository = HubRepository(path: listing.path.parent.string(in: root))
    {
      enterOnly(Set(repository.currentCommits))
    }
    return step
  }
}

extension DirectoryListing {
  /// Whether the directory contains the snapshots of a model in the Hub's cache.
  package func holdsSnapshots(in root: String) -> Bool {
    let folder = path.parent
    return path.isNamed(HubRepository.snapshotsName)
      && HubRepository.isFolder(has: { folder.appending($0).kind(in: root) == .directory })
  }
}

extension HubRepository {
  /// Whether a directory is the folder of a model. One without links may have no `blobs`, and one that
  /// was downloaded by its commit no `refs`.
  fileprivate static func isFolder(has: (String) -> Bool) -> Bool {
    has(snapshotsName) && (has(blobsName) || has(referencesName))
  }
}
