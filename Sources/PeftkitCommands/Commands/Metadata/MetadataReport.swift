// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// The metadata of a safetensors file, as `metadata` prints it.
struct MetadataReport: Report {
  /// The metadata; nil where the file has none.
  let metadata: ArchiveMetadata?

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    if let metadata, !metadata.entries.isEmpty {
      var table = Table(alignments: [.name, .name])
      for entry in metadata.entries { table.add([entry.key.printable, entry.value.printable]) }
      output.table(table)
    } else {
      output.line(metadata == nil ? "no metadata" : "empty metadata")
    }
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.metadata(metadata)
  }
}
