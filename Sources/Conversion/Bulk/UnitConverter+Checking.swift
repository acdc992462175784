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

  /// How an existing output compares with what the unit converts to.
  enum Standing {
    /// It is that, with this digest.
    case correct(String)
    /// It is what this tool wrote with other options, as the manifest says.
    case ofOtherOptions
    /// It is something else, which may be replaced.
    case replaceable
  }

  /// Examines an existing output (spec/bulk.md, B15, B16, B18).
  ///
  /// - Throws: `mismatch` for another output that may not be replaced.
  func standing(of unit: ConversionUnit, _ stamp: FileStamp) throws(CheckpointError) -> Standing {
    try withPaths(of: unit, writes: false) {
      source, output throws(CheckpointError) -> Standing in
      if let digest = notedWithOtherOptions(unit),
        try hasRecorded(digest, of: unit.kind, at: output)
      {
        return .ofOtherOptions
      }
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
        return .correct(expected)
      } catch {
        guard options.policy.replacesExisting else {
          throw error.offering(.overwrite)
        }
        return .replaceable
      }
    }
  }

  /// Whether an output has the digest that a manifest recorded, in whatever format it is.
  private func hasRecorded(
    _ digest: String, of kind: ConversionUnit.Kind, at output: String
  ) throws(CheckpointError) -> Bool {
    do throws(CheckpointError) {
      guard kind == .adapter else {
        return try fingerprint.actual(of: kind, at: output) == digest
      }
      let weights = try AdapterDirectory(path: output).weightsPath
      return try fingerprint.digest(Checkpoint.open(path: weights)) == digest
    } catch {
      guard error.code != .interrupted else { throw error }
      return false
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
