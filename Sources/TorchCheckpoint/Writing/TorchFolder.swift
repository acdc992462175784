// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The folder that all records of a torch file live under.
enum TorchFolder {
  /// The name that torch gives it when it saves to this path: the file's name without its last
  /// extension; since torch 2.1 `archive` for a path that is not ASCII.
  ///
  /// - Throws: `invalidArgument` when nothing is left of the name, which torch refuses too.
  static func name(
    forPath path: String, layout: TorchLayout
  ) throws(CheckpointError) -> String {
    if layout >= .v2_1, !path.utf8.allSatisfy({ $0 < 0x80 }) { return "archive" }
    // torch takes both separators on every system.
    let name =
      path.utf8.split(omittingEmptySubsequences: false) {
        $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\")
      }.last ?? path.utf8[...]
    let dot = name.lastIndex(of: UInt8(ascii: "."))
    let stem = String(Substring(name[..<(dot ?? name.endIndex)]))
    guard !stem.isEmpty, stem.utf8.count <= longest else {
      throw CheckpointError(
        .invalidArgument,
        "torch names the folder inside a checkpoint after the file, and this name leaves "
          + (stem.isEmpty ? "nothing for it" : "too much for it"),
        path: path)
    }
    return stem
  }

  /// The name of a record has 16 bits for its length; file systems allow 255 bytes.
  private static let longest = 32768
}
