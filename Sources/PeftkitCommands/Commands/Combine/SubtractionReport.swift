// SPDX-License-Identifier: Apache-2.0
internal import AdapterAlgebra
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// The modules of an adapter whose initial factors were subtracted (spec/adapter-algebra.md, AL48).
struct SubtractionReport: Report {
  private let path: String
  private let modules: [LowRankModule]

  init(_ subtraction: InitialSubtraction, path: String) {
    self.path = path
    modules = subtraction.result.adapter.modules
  }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    var table = Table([("module", .name), ("rank", .right), ("scale", .right)])
    for module in modules {
      table.add([
        module.name.printable, String(module.scale.rank), String(module.scale.scale),
      ])
    }
    output.table(table)
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.key("modules")
    output.writer.beginArray()
    for module in modules {
      output.writer.beginObject()
      output.writer.member("name", module.name)
      output.writer.member("rank", module.scale.rank)
      output.writer.member("scale", module.scale.scale)
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.endObject()
  }
}
