// SPDX-License-Identifier: Apache-2.0
public import Files

extension Checkpoint {
  /// Whether a file of a tree is one that macOS writes next to another to keep its metadata: its
  /// name starts with `._`, and its contents are AppleDouble.
  ///
  /// - Complexity: O(1); only files with such a name are opened.
  public static func isAppleDouble(_ file: RelativePath, in root: String) -> Bool {
    guard file.name.hasPrefix("._"), file.kind(in: root) == .file,
      let input = try? InputFile(file, in: root),
      let prefix = try? CheckpointFormats.prefix(of: input)
    else { return false }
    return Impostor(FileEnds(head: prefix)) == .appleDouble
  }
}
