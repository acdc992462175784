// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors
internal import CheckpointScan

extension ScannedTree {
  /// The schema is in spec/scan.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("verdict", verdict.rawValue)
    output.writer.member("holds", verdict == .dataOnly)
    output.writer.key("files")
    output.writer.beginArray()
    for file in files { try output.file(file) }
    output.writer.endArray()
    output.writer.member("file_count", files.count)
    output.writer.endObject()
  }
}

extension JSONOutput {
  fileprivate mutating func file(_ file: ScannedFile) throws(CheckpointError) {
    let report = file.report
    writer.beginObject()
    writer.member("path", file.path)
    writer.member("format", report.format.name)
    writer.member("byte_count", report.byteCount)
    writer.member("verdict", report.verdict.rawValue)
    writer.key("code")
    writer.beginArray()
    for request in report.codeRequests {
      writer.beginObject()
      writer.member("module", request.module)
      writer.member("name", request.name)
      writer.member("kind", request.origin.kind.rawValue)
      writer.member("library", request.origin.library)
      writer.member("meaning", request.origin.meaning)
      writer.member("certainty", request.certainty.rawValue)
      writer.endObject()
      try flushIfLarge()
    }
    writer.endArray()
    writer.key("pickles")
    writer.beginArray()
    for pickle in report.pickles { try self.pickle(pickle) }
    writer.endArray()
    writer.member("pickle_count", report.pickleCount)
    writer.key("findings")
    writer.beginArray()
    for finding in report.findings {
      writer.beginObject()
      writer.member("kind", finding.asksForCode ? "code" : "damage")
      writer.member("code", finding.code.rawValue)
      writer.member("message", finding.message)
      writer.member("place", finding.place)
      writer.member("byte", finding.offset)
      writer.endObject()
      try flushIfLarge()
    }
    writer.endArray()
    writer.member("finding_count", report.findingCount)
    writer.endObject()
  }

  private mutating func pickle(_ pickle: ScannedPickle) throws(CheckpointError) {
    writer.beginObject()
    writer.member("place", pickle.place)
    writer.member("byte_base", pickle.offsetBase.rawValue)
    writer.member("byte", pickle.offset)
    writer.member("byte_count", pickle.byteCount)
    writer.member("protocol", pickle.protocolVersion)
    writer.member("opcode_count", pickle.opcodeCount)
    writer.member("complete", pickle.isComplete)
    writer.member("hidden", pickle.isFoundBySearch)
    writer.key("names")
    writer.beginArray()
    for name in pickle.names {
      writer.beginObject()
      writer.member("module", name.module)
      writer.member("name", name.name)
      writer.member("byte", name.offset)
      writer.member("opcode", name.opcode)
      writer.member("allowed", name.isAllowed)
      calls("calls", name.calls)
      writer.endObject()
      try flushIfLarge()
    }
    writer.endArray()
    writer.member("name_count", pickle.nameCount)
    calls("other_calls", pickle.otherCalls)
    writer.endObject()
  }

  private mutating func calls(_ key: String, _ calls: [ScannedCall]) {
    writer.key(key)
    writer.beginArray()
    for call in calls {
      writer.beginObject()
      writer.member("opcode", call.opcode)
      writer.member("byte", call.offset)
      writer.member("count", call.count)
      writer.endObject()
    }
    writer.endArray()
  }
}
