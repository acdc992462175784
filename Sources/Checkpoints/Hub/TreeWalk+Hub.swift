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
  /// (spec/hub-cache.md, J6).
  ///
  /// - Complexity: that of `next()`; for the folder of a model, a few system calls more.
  package mutating func next(entering snapshots: HubSnapshots) -> Step? {
    let step = next()
    guard case .directory(let listing)? = step else { return step }
    if HubRepository.isFolder(listing) {
      enterOnly([HubRepository.snapshotsName])
    } else if snapshots == .current, listing.path.isNamed(HubRepository.snapshotsName) {
      let folder = listing.path.parent
      // A folder below the root was seen before; the root is one itself if it has blobs.
      if folder.appending(HubRepository.blobsName).kind(in: root) == .directory,
        let repository = HubRepository(path: folder.string(in: root))
      {
        enterOnly(Set(repository.currentCommits))
      }
    }
    return step
  }
}

extension HubRepository {
  /// Whether a directory of a tree is the folder of a repository.
  fileprivate static func isFolder(_ listing: DirectoryListing) -> Bool {
    [snapshotsName, blobsName].allSatisfy { name in
      listing.index(of: name).map { listing.kind(at: $0) == .directory } ?? false
    }
  }
}
