// SPDX-License-Identifier: Apache-2.0
internal import Merging
internal import PEFT
internal import Tensors

extension MergeReport {
  /// How much of an adapter would survive a merge, by kind of module (spec/report.md, J18).
  var section: ReportSection {
    var blocks: [ReportBlock] = []
    let total = total
    let dtypes = Set(modules.map(\.module.dtype.name)).sorted().joined(separator: ", ")
    if let kept = total.kept {
      blocks.append(
        .figures([
          ReportFact("Kept", Self.percent(kept), remark: dtypes.isEmpty ? nil : "in \(dtypes)"),
          ReportFact("‖added‖ / ‖ΔW‖", total.share.map(ReportNumber.significant) ?? "–"),
          ReportFact("Angle", total.angle.map { ReportNumber.fixed($0, 1) + "°" } ?? "–"),
          ReportFact("Elements changed", Self.percent(total.changedShare)),
        ]))
    }
    if case .lost(_, let dtype, let count)? = warnings.first {
      let remedy = warnings.first?.remedy.map { "; a merge in \($0.name) keeps it" } ?? ""
      blocks.append(
        .paragraph(
          "Less than 90 % of the change survives the rounding to \(dtype.name), and less than 90 % in "
            + "\(ReportNumber.count(count, "module"))\(remedy)."))
    }
    let kinds = kinds
    if kinds.isEmpty {
      blocks.append(.paragraph("A merge replaces weights only, and adds to none."))
    } else {
      blocks.append(.table(Self.table(of: kinds)))
    }
    return ReportSection(
      "After a merge",
      lead:
        "The part of the change that is left when it is added to the weights of the base model and rounded to "
        + "their dtype, and the angle between what was to be added and what was.",
      blocks)
  }

  private static func table(of kinds: [Kind]) -> ReportTable {
    var table = ReportTable(
      "What is left by kind of module",
      [
        .init("Modules"), .init("Count", isNumeric: true), .init("Kept", isNumeric: true),
        .init("Least kept", isNumeric: true), .init("‖added‖ / ‖ΔW‖", isNumeric: true),
        .init("Angle in °", isNumeric: true), .init("Changed", isNumeric: true),
      ])
    for kind in kinds {
      table.add([
        .code(kind.name), .count(kind.count),
        .number(kind.survival.kept, decimals: 4), .number(kind.leastKept, decimals: 4),
        .number(kind.survival.share), .number(kind.survival.angle, decimals: 1),
        .number(kind.survival.changedShare, decimals: 4),
      ])
    }
    return table
  }

  private static func percent(_ share: Double) -> String {
    ReportNumber.fixed(share * 100, 1) + " %"
  }
}
