// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ContentDigest
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

extension Inspection {
  /// The schema is in spec/command-line.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("kind", checkpoint.kind.rawValue)
    output.writer.member("format", archive.variant.name)
    output.writer.key("metadata")
    output.writer.metadata(archive.metadata)
    writeMetadataTypes(to: &output)
    if let adapter {
      output.writer.key("config")
      output.writer.value(.object(adapter.config.document))
      let releases = adapter.config.loadingReleases
      output.writer.member("oldest_peft", releases.first?.release.description)
      output.writer.member("newest_peft", releases.last?.release.description)
    }
    let totals = try writeTensors(to: &output)
    output.writer.member("tensor_count", archive.tensorCount)
    output.writer.member("parameter_count", totals.parameterCount)
    output.writer.member("byte_count", totals.byteCount)
    base?.writeJSON(to: &output)
    if let digests { output.writer.member("digest", digests.checkpoint.description) }
    try tasks?.writeJSON(to: &output)
    try modules?.writeJSON(to: &output)
    try writeSkipped(to: &output)
    output.writer.key("notes")
    output.writer.beginArray()
    for note in checkpoint.notes { output.writer.string(note) }
    output.writer.endArray()
    output.writer.endObject()
  }

  /// The types of the metadata's values, of formats in which they have types.
  private func writeMetadataTypes(to output: inout JSONOutput) {
    let entries = (archive.metadata?.entries ?? []).filter { $0.typed != nil }
    guard !entries.isEmpty else { return }
    output.writer.key("metadata_types")
    output.writer.beginObject()
    for entry in entries { output.writer.member(entry.key.string, entry.typed?.type) }
    output.writer.endObject()
  }

  private func writeTensors(
    to output: inout JSONOutput
  ) throws(CheckpointError) -> InspectionTotals {
    // Both are looked up once, not for each of 100,000 tensors.
    let archive = self.archive
    let digests = self.digests?.tensors
    var totals = InspectionTotals()
    output.writer.key("tensors")
    output.writer.beginArray()
    for index in 0..<archive.tensorCount {
      archive.describeTensor(at: index) { tensor in
        totals.add(tensor)
        output.writer.tensor(tensor, digest: digests?[index])
      }
      try output.flushIfLarge()
    }
    output.writer.endArray()
    return totals
  }

  private func writeSkipped(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.key("skipped")
    output.writer.beginArray()
    for item in archive.skipped {
      output.writer.beginObject()
      output.writer.member("name", item.name.string)
      output.writer.member("reason", item.type)
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
  }
}

extension JSONWriter {
  /// Writes metadata as an object of strings, or null.
  mutating func metadata(_ metadata: ArchiveMetadata?) {
    guard let metadata else {
      null()
      return
    }
    beginObject()
    for entry in metadata.entries { member(entry.key.string, entry.value) }
    endObject()
  }

  /// Writes a tensor; fast, as a file may have 100,000 of them.
  fileprivate mutating func tensor(_ tensor: TensorDescription, digest: TensorDigest?) {
    beginObject()
    key(plain: "name")
    string(utf8: tensor.name)
    key(plain: "dtype")
    string(plain: tensor.dtype.spelling)
    key(plain: "shape")
    integers(tensor.dimensions)
    key(plain: "byte_count")
    integer(tensor.byteCount)
    key(plain: "data_offsets")
    if let offsets = tensor.dataOffsets {
      bounds(of: offsets)
    } else {
      null()
    }
    if let digest { member("digest", digest.description) }
    endObject()
  }
}
