internal import ContentDigest
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

extension Inspection {
  /// The schema is that of spec/command-line.md.
  func printJSON() throws(CheckpointError) {
    var output = JSONOutput()
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("kind", checkpoint.kind.rawValue)
    output.writer.member("format", archive.format.rawValue)
    output.writer.key("metadata")
    output.writer.metadata(archive.metadata)
    if let adapter {
      output.writer.key("config")
      output.writer.value(.object(adapter.config.document))
    }
    output.writer.key("tensors")
    output.writer.beginArray()
    for index in 0..<archive.tensorCount {
      output.writer.tensor(archive.tensor(at: index), digest: digests?.tensors[index])
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.member("tensor_count", archive.tensorCount)
    output.writer.member("parameter_count", parameterCount)
    output.writer.member("byte_count", byteCount)
    if let digests { output.writer.member("digest", digests.checkpoint.description) }
    try tasks?.writeJSON(to: &output)
    output.writer.endObject()
    try output.print()
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

  fileprivate mutating func tensor(_ tensor: TensorInfo, digest: TensorDigest?) {
    beginObject()
    member("name", tensor.name.string)
    member("dtype", tensor.dtype.name)
    key("shape")
    integers(tensor.shape.dimensions)
    member("byte_count", tensor.byteCount)
    key("data_offsets")
    if let offsets = tensor.dataOffsets {
      integers([offsets.lowerBound, offsets.upperBound])
    } else {
      null()
    }
    if let digest { member("digest", digest.description) }
    endObject()
  }
}
