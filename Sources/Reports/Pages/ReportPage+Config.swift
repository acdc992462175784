// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

extension AdapterConfig {
  /// The config: what differs from the defaults of PEFT's class first.
  var section: ReportSection {
    let defaults = (try? peftType).flatMap { MethodFields($0) }?.defaults
    let release = ExaminedRelease.newest.release
    var changed = ReportTable(
      "Keys that differ from PEFT's defaults",
      [.init("Key"), .init("Value"), .init("Default in PEFT \(release)")], limit: 200)
    var usual = ReportTable("", [.init("Key"), .init("Value")], limit: 300)
    for member in document {
      let value = defaults?[member.key]
      if let value, value.isSame(as: member.value) {
        usual.add([.code(member.key), .code(member.value.description)])
        continue
      }
      changed.add([
        .code(member.key), .code(member.value.description),
        value.map { .code($0.description) } ?? .text("no such key"),
      ])
    }
    let usualCount = usual.rows.count + usual.omittedCount
    usual.caption = "\(ReportNumber.count(usualCount, "key")) with the default"
    var blocks: [ReportBlock] = []
    if !changed.rows.isEmpty { blocks.append(.table(changed)) }
    if usualCount > 0 { blocks.append(.foldedTable(usual)) }
    if blocks.isEmpty { blocks.append(.paragraph("The config has no keys.")) }
    return ReportSection(
      "Config",
      lead: changed.rows.isEmpty
        ? nil : "The keys that differ from PEFT's defaults, then the others.",
      blocks)
  }
}

extension JSONValue {
  /// Whether two values mean the same to PEFT: 1 and 1.0 do.
  fileprivate func isSame(as other: JSONValue) -> Bool {
    if let left = number, let right = other.number { return left == right }
    return self == other
  }
}
