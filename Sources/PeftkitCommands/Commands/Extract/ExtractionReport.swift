// SPDX-License-Identifier: Apache-2.0
internal import AdapterAlgebra
internal import JSONDocument
internal import Tensors

/// The updates that were taken out of two models, with their errors (spec/adapter-algebra.md, AL26).
struct ExtractionReport: Report {
  private let extraction: ModelExtraction
  private let seed: UInt64
  private let path: String

  init(_ extraction: ModelExtraction, seed: UInt64, path: String) {
    self.extraction = extraction
    self.seed = seed
    self.path = path
  }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    var table = Table([
      ("module", .name), ("rank", .right), ("norm", .right), ("relative error", .right),
    ])
    for module in extraction.modules {
      table.add([
        module.name.printable, String(module.rank), Sizes.scientific(module.norm),
        Sizes.scientific(module.error),
      ])
    }
    table.add(["all modules", "", "", Sizes.scientific(extraction.error)])
    output.table(table)
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("seed", String(seed))
    output.writer.member("relative_error", extraction.error)
    try output.objects("modules", of: extraction.modules) { module, writer in
      writer.member("name", module.name)
      writer.member("rank", module.rank)
      writer.member("norm", module.norm)
      writer.member("relative_error", module.error)
    }
    output.writer.member("unchanged_modules", extraction.unchangedCount)
    output.writer.member("saves_others", extraction.savesOthers)
    output.writer.key("others")
    output.writer.beginArray()
    for name in extraction.others {
      output.writer.string(name)
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.endObject()
  }
}
