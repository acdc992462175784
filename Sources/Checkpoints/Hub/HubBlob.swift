// SPDX-License-Identifier: Apache-2.0
internal import Files

/// The contents of a file in the Hub's cache. Snapshots that have the same file link to the same blob.
package struct HubBlob: Hashable, Sendable {
  /// The folder of the model, the path of the file in the snapshot, and the name of the blob.
  private let parts: [String]

  /// Recognizes a link in a snapshot.
  package init?(ofLink path: String) {
    guard let file = HubSnapshot(path: path), let target = PathKind.linkTarget(path) else {
      return nil
    }
    let components = target.split(separator: "/")
    guard let blob = components.last, components.dropLast().last == HubRepository.blobsName[...]
    else { return nil }
    parts = [file.folder, file.place, String(blob)]
  }
}
