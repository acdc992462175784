// SPDX-License-Identifier: Apache-2.0
internal import Conversion
internal import JSONDocument
internal import Tensors

/// The summary of a bulk conversion (spec/bulk.md, B26 and B27).
struct BulkReport: Report {
  let conversion: BulkConversion
  let summary: BulkSummary
  let seconds: Double

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    output.line("\(conversion.source.printable) to \(conversion.destination.printable)")
    var table = Table(alignments: [.left, .left])
    if let shard = conversion.shard { table.add(["shard", shard.description]) }
    for (name, count) in counts { table.add([name, Sizes.count(count)]) }
    if summary.unreadable > 0 {
      table.add(["unreadable", Sizes.count(summary.unreadable, "directory", "directories")])
    }
    table.add(["read", Sizes.bytes(summary.bytesRead)])
    table.add(["written", Sizes.bytes(summary.bytesWritten)])
    let rate = BulkProgress.rate(summary.bytesRead, seconds).map { ", \($0)" } ?? ""
    table.add(["time", Sizes.duration(seconds) + rate])
    table.add(["manifest", conversion.resolvedManifestPath.printable])
    output.table(table)
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("source", conversion.source)
    output.writer.member("destination", conversion.destination)
    output.writer.member("manifest", conversion.resolvedManifestPath)
    output.writer.member("shard", conversion.shard?.description)
    output.writer.member("holds", summary.holds)
    for (name, count) in counts { output.writer.member(name, count) }
    output.writer.member("unreadable", summary.unreadable)
    output.writer.member("bytes_read", summary.bytesRead)
    output.writer.member("bytes_written", summary.bytesWritten)
    output.writer.member("seconds", seconds)
    output.writer.endObject()
  }

  private var counts: [(String, Int)] {
    [
      ("found", summary.found), ("converted", summary.converted),
      ("unchanged", summary.unchanged), ("failed", summary.failed),
    ]
  }
}

extension Sizes {
  /// A count with a noun that has an irregular plural.
  fileprivate static func count(_ count: Int, _ noun: String, _ plural: String) -> String {
    "\(self.count(count)) \(count == 1 ? noun : plural)"
  }
}
