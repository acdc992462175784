// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

extension UnitConverter {
  /// A check of an output: the digest of the weights in a directory.
  private struct Check {
    let kind: ConversionUnit.Kind
    /// The directory, below the output; the root for the unit itself.
    let directory: RelativePath
    /// The digest of the weights.
    let digest: String
  }

  /// The digest of an existing output, if it is correct; nil if it is not, and may be replaced
  /// (spec/bulk.md, B15, B16).
  func digestIfUnchanged(
    _ unit: ConversionUnit, _ stamp: FileStamp
  ) throws(CheckpointError) -> String? {
    try withPaths(of: unit, writes: false) {
      source, output throws(CheckpointError) -> String? in
      let noted = noted(unit, stamp)
      let expected =
        if let noted { noted } else { try fingerprint.expected(of: unit.kind, at: source) }
      var checks = [Check(kind: unit.kind, directory: .root, digest: expected)]
      // Manifests have no records of the checkpoints inside.
      for inner in try innerCheckpoints(of: unit, at: source) {
        let digest = try fingerprint.expected(
          of: inner.kind, at: inner.directory.string(in: source))
        checks.append(Check(kind: inner.kind, directory: inner.directory, digest: digest))
      }
      do throws(CheckpointError) {
        for check in checks {
          guard try holds(check, from: source, to: output) else {
            let origin = check.directory.string(in: unit.source.string(in: self.source))
            throw CheckpointError(
              .mismatch, "is not what \(origin) converts to",
              path: check.directory.string(in: unit.destination.string(in: destination)))
          }
        }
        return expected
      } catch {
        guard options.policy.replacesExisting else {
          throw error.offering(.overwrite)
        }
        return nil
      }
    }
  }

  /// The checkpoints in subdirectories of a unit.
  private func innerCheckpoints(
    of unit: ConversionUnit, at source: String
  ) throws(CheckpointError) -> [InnerCheckpoint] {
    guard let listing = unit.listing, DirectoryTree(of: source, listed: listing) == nil else {
      return []
    }
    let tree = try DirectoryTree(of: source)
    return tree.innerCheckpoints(among: AdapterDirectory.all(in: tree))
  }

  private func holds(
    _ check: Check, from source: String, to output: String
  ) throws(CheckpointError) -> Bool {
    let output = check.directory.string(in: output)
    guard try fingerprint.actual(of: check.kind, at: output) == check.digest else { return false }
    return try hasSameConfig(check.kind, check.directory.string(in: source), output)
  }

  /// Whether the config of an adapter, or of a model, equals the one that would be written.
  private func hasSameConfig(
    _ kind: ConversionUnit.Kind, _ source: String, _ output: String
  ) throws(CheckpointError) -> Bool {
    let name: String
    let expected: [UInt8]
    switch kind {
    case .file, .copy, .distributed: return true
    case .adapter:
      name = AdapterConfig.fileName
      expected = try configs.rewrite(path: RelativePath(name).string(in: source))
    case .model:
      guard let config = try ModelDirectory(path: source).config() else { return true }
      (name, expected) = config
    }
    let path = RelativePath(name).string(in: output)
    return try InputFile(path: path).readAll(limit: JSONLimits.byteCount) == expected
  }
}
