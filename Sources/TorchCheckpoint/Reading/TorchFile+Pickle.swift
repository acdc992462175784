// SPDX-License-Identifier: Apache-2.0
package import Files
package import Pickle
package import Tensors
internal import ZipArchive

extension TorchFile {
  /// The values of a zip archive's pickle, for readers that need more of them than the tensors. Nothing
  /// is called; what is not data is inert.
  ///
  /// - Throws: as `init(_:)`, without the path.
  /// - Complexity: O(index and pickle) in time and memory.
  package static func pickle(of file: InputFile) throws(CheckpointError) -> PickleGraph {
    let zip = try ZipIndex(of: file)
    guard let entry = zip.entry(named: try TorchContents.folder(of: zip) + "/data.pkl") else {
      throw CheckpointError(
        .unrecognized, "is a zip archive without data.pkl, not a torch checkpoint", offset: 0)
    }
    let limits = PickleLimits()
    let bytes = try zip.contents(
      of: entry, in: file,
      limit: entry.method == .stored ? PickleLimits.largestPickle - 1 : limits.deflatedPickle)
    return try PickleMachine.run(
      bytes, baseOffset: entry.method == .stored ? entry.dataOffset : 0, dialect: .torch,
      limits: limits.scaled(
        fileByteCount: file.byteCount, pickleByteCount: entry.storedByteCount)
    ).graph
  }
}
