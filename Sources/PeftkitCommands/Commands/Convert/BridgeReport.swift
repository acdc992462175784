// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Bridges
internal import JSONDocument
internal import Tensors

/// The files of an adapter in another home: those that would be written, or were.
struct BridgeReport: Report {
  let source: String
  let destination: String
  let from: String
  let to: String
  let plan: BridgePlan

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    let kind = plan.isDirectory ? "directory" : "file"
    output.line(
      "\(source.printable) (\(from)) would become the \(kind) \(destination.printable) (\(to))"
        + (plan.isExact ? "" : ", with rounding"))
    for file in plan.files {
      output.line()
      let name = plan.isDirectory ? file.name.printable : destination.printable
      switch file.contents {
      case .bytes(let bytes): output.line("\(name): written, \(Sizes.bytes(bytes.count))")
      case .weights(let archive, let format):
        let size = try byteCount(of: file).map { ", " + Sizes.bytes($0) } ?? ""
        output.line("\(name): \(format.name), \(Sizes.count(archive.tensorCount, "tensor"))\(size)")
        var table = Table([("tensor", .name), ("dtype", .left), ("shape", .left)])
        for tensor in archive.tensors {
          table.add([tensor.name.string.excerpt, tensor.dtype.name, tensor.shape.description])
        }
        output.table(table)
      }
    }
  }

  /// The size of a file in bytes; nil if it depends on compression.
  private func byteCount(of file: BridgePlan.File) throws(CheckpointError) -> Int? {
    switch file.contents {
    case .bytes(let bytes): bytes.count
    case .weights(let archive, let format):
      try format.layout(of: archive, order: nil, path: destination).byteCount
    }
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("source", source)
    output.writer.member("destination", destination)
    output.writer.member("from", from)
    output.writer.member("to", to)
    output.writer.member("kind", plan.isDirectory ? "directory" : "file")
    output.writer.member("exact", plan.isExact)
    output.writer.key("notes")
    output.writer.beginArray()
    for note in plan.notes { output.writer.string(note) }
    output.writer.endArray()
    output.writer.key("files")
    output.writer.beginArray()
    for file in plan.files { try write(file, to: &output) }
    output.writer.endArray()
    output.writer.endObject()
  }

  private func write(
    _ file: BridgePlan.File, to output: inout JSONOutput
  ) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("name", plan.isDirectory ? file.name : destination)
    if case .bytes = file.contents {
      output.writer.member("action", "write")
    } else {
      output.writer.member("action", "convert")
    }
    output.writer.member("byte_count", try byteCount(of: file))
    if case .weights(let archive, let format) = file.contents {
      output.writer.member("format", format.name)
      output.writer.key("tensors")
      output.writer.beginArray()
      for tensor in archive.tensors {
        output.writer.beginObject()
        output.writer.member("name", tensor.name.string)
        output.writer.member("dtype", tensor.dtype.name)
        output.writer.key("shape")
        output.writer.integers(tensor.shape.dimensions)
        output.writer.endObject()
        try output.flushIfLarge()
      }
      output.writer.endArray()
    }
    output.writer.endObject()
  }
}
