// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints

/// What the names of files in a directory say to a scan (spec/scan.md, S4).
enum TreeFile {
  /// Other names of torch files and pickles than those that are written.
  private static let otherSuffixes = [".pkl", ".pickle", ".pth.tar", ".th"]

  /// Files that no program loads as weights.
  private static let textSuffixes = [
    ".json", ".jsonl", ".txt", ".md", ".yaml", ".yml", ".toml", ".csv", ".tsv", ".log", ".html",
    ".py", ".sh", ".cfg", ".ini", ".png", ".jpg", ".lock", ".gitattributes", ".gitignore",
    ".ds_store",
  ]

  /// Whether a file has the name of a format that the scan reads.
  static func isWeights(_ name: String) -> Bool {
    CheckpointFormats.format(ofFileName: name) != nil || name.hasSuffix(in: otherSuffixes)
  }

  /// Whether a file has the name of a text or picture.
  static func isText(_ name: String) -> Bool {
    name.hasSuffix(in: textSuffixes) || ["README", "LICENSE"].contains(name)
  }
}

extension String {
  fileprivate func hasSuffix(in suffixes: [String]) -> Bool {
    let name = lowercased()
    return suffixes.contains { name.hasSuffix($0) }
  }
}
