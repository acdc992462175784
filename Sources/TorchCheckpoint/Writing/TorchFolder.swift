// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The folder that contains all records of a torch file.
enum TorchFolder {
  /// The name in a stream, which has no path.
  static let ofStreams = "archive"

  /// The name that torch chooses for a path: the name of the file without its last extension; since
  /// torch 2.1, `archive` for a path that is not ASCII.
  ///
  /// - Throws: `invalidArgument` when the name is then empty, which torch refuses too.
  static func name(
    forPath path: String, layout: TorchLayout
  ) throws(CheckpointError) -> String {
    if layout >= .v2_1, !path.utf8.allSatisfy({ $0 < 0x80 }) { return ofStreams }
    // torch accepts both separators on every system.
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

  /// The largest size of a name in bytes: the length of a record's name has 16 bits.
  private static let longest = 32768
}
