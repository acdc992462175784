internal import Files
internal import Tensors

extension BulkConversion {
  private static let manifestName = "peftkit-manifest"
  private static let manifestExtension = ".jsonl"

  /// Whether a name is one that manifests have by default.
  static func isManifest(_ name: String) -> Bool {
    name.hasPrefix(manifestName) && name.hasSuffix(manifestExtension)
  }

  /// Where the manifest of this part of the work is written.
  public var resolvedManifestPath: String {
    if let manifestPath { return manifestPath }
    var name = Self.manifestName
    if let shard { name += "-\(shard.number)-of-\(shard.count)" }
    return RelativePath(name + Self.manifestExtension).string(in: destination)
  }

  /// Opens the manifest for writing.
  func openManifest() throws(CheckpointError) -> AppendedFile {
    let existing: AppendedFile.Existing =
      resumes ? .continued : options.policy.replacesExisting ? .replaced : .refused
    if existing == .replaced, PathKind.existing(resolvedManifestPath) == .file {
      // An input or an output may have been named by mistake.
      try ManifestIndex.checkStart(of: InputFile(path: resolvedManifestPath))
    }
    do throws(CheckpointError) {
      return try AppendedFile(path: resolvedManifestPath, existing: existing)
    } catch  where error.code == .alreadyExists {
      throw CheckpointError(
        .alreadyExists, "already exists", path: resolvedManifestPath,
        hint: "--resume goes on where it ends, --force starts anew")
    }
  }

  /// Everything that the manifests of the outputs say, whichever part of the work wrote them: the
  /// number of parts may be another this time.
  func knownRecords() throws(CheckpointError) -> ManifestIndex {
    var index = ManifestIndex()
    guard resumes else { return index }
    // A tree without a directory is one listing.
    guard case .directory(let listing)? = try onlyRoot() else { return index }
    for place in 0..<listing.count {
      let name = listing.text(at: place)
      guard Self.isManifest(name) else { continue }
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
