internal import JSONDocument
internal import Tensors

/// What `metadata` prints.
struct MetadataReport {
  let metadata: ArchiveMetadata?

  func print(json: Bool) throws(CheckpointError) {
    if json {
      var output = JSONOutput()
      output.writer.metadata(metadata)
      try output.print()
      return
    }
    var output = TextOutput()
    if let metadata, !metadata.entries.isEmpty {
      var table = Table(alignments: [.left, .left])
      for entry in metadata.entries { table.add([entry.key.printable, entry.value.printable]) }
      output.table(table)
    } else {
      output.line(metadata == nil ? "no metadata" : "empty metadata")
    }
    try output.print()
  }
}
