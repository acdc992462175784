// SPDX-License-Identifier: Apache-2.0

/// The names that manifests have by default (spec/bulk.md B10).
enum ManifestName {
  private static let stem = "peftkit-manifest"
  private static let fileExtension = ".jsonl"

  /// The name for a part of the work, or for all of it.
  static func name(for shard: WorkPartition?) -> String {
    guard let shard else { return stem + fileExtension }
    return stem + "-\(shard.number)-of-\(shard.count)" + fileExtension
  }

  /// Whether a file is called like a manifest.
  static func isManifest(_ name: String) -> Bool {
    name.hasPrefix(stem) && name.hasSuffix(fileExtension)
  }
}
