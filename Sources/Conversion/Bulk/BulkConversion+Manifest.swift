// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

extension BulkConversion {
  /// The path of the manifest of this part of the work.
  public var resolvedManifestPath: String {
    if let manifestPath { return manifestPath }
    return RelativePath(ManifestName.name(for: shard)).string(in: destination)
  }

  /// Opens the manifest for writing.
  func openManifest() throws(CheckpointError) -> AppendedFile {
    let existing: AppendedFile.Existing =
      resumes ? .continued : options.policy.replacesExisting ? .replaced : .refused
    if existing == .replaced, PathKind.existing(resolvedManifestPath) == .file {
      // The path may be that of an input or an output by mistake.
      try ManifestIndex.checkStart(of: InputFile(path: resolvedManifestPath))
    }
    do throws(CheckpointError) {
      return try AppendedFile(path: resolvedManifestPath, existing: existing)
    } catch  where error.code == .alreadyExists {
      throw CheckpointError(
        .alreadyExists, "already exists", path: resolvedManifestPath,
        remedy: .resumeOrOverwrite)
    }
  }

  /// The records of all manifests in the destination, whichever part of the work wrote them: the
  /// number of parts may differ this time.
  func knownRecords() throws(CheckpointError) -> ManifestIndex {
    var index = ManifestIndex()
    guard resumes else { return index }
    // The first step of a walk is the root.
    guard case .directory(let listing)? = try onlyRoot() else { return index }
    for place in 0..<listing.count {
      let name = listing.text(at: place)
      guard ManifestName.isManifest(name) else { continue }
      try index.read(path: listing.path(at: place).string(in: destination), shard: shard)
    }
    if let manifestPath, PathKind.existing(manifestPath) != nil {
      try index.read(path: manifestPath, shard: shard)
    }
    return index
  }

  private func onlyRoot() throws(CheckpointError) -> TreeWalk.Step? {
    var walk = try TreeWalk(of: destination)
    return walk.next()
  }
}
