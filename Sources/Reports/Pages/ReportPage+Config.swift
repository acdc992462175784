// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

extension AdapterConfig {
  /// The config: what differs from the defaults of PEFT's class first.
  var section: ReportSection {
    let fields = (try? peftType).flatMap { MethodFields($0) }
    let release = ExaminedRelease.newest.release
    let defaults = fields.map { fields in
      Dictionary(
        fields.fields(in: release).map { (UTF8Text($0.key), $0.defaultValue) },
        uniquingKeysWith: { first, _ in first })
    }
    var changed = ReportTable(
      "Keys that differ from PEFT's defaults",
      [.init("Key"), .init("Value"), .init("Default in PEFT \(release)")], limit: 200)
    var usual = ReportTable("", [.init("Key"), .init("Value")], limit: 300)
    for member in document {
      let value = defaults?[UTF8Text(member.key)]
      if let value, value.isSame(as: member.value) {
        usual.add([.code(member.key), .code(member.value.description)])
        continue
      }
      let isMethod = member.key == "peft_type"
      changed.add([
        .code(member.key), .code(member.value.description),
        isMethod
          ? .text("the method") : value.map { .code($0.description) } ?? .text("no such key"),
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
  /// Whether two values mean the same to PEFT: 1 and 1.0 do, and so do lists of the same values.
  fileprivate func isSame(as other: JSONValue) -> Bool {
    if let left = number, let right = other.number { return left == right }
    if self == other { return true }
    return encoded(.python()) == other.encoded(.python())
  }
}
