// SPDX-License-Identifier: Apache-2.0
internal import AdapterRepair
internal import JSONDocument
internal import PEFT
internal import Tensors

/// What a repair did, and the findings that are left.
struct RepairReport: Report {
  let plan: RepairPlan
  let isDryRun: Bool

  /// Whether nothing is left but notes.
  var holds: Bool { plan.open.allSatisfy { $0.severity == .note } }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    let verb = isDryRun ? "would become" : "became"
    output.line("\(plan.source.printable) \(verb) \(plan.destination.printable)")
    var table = Table(alignments: [.left, .name, .name, .left])
    for action in actions {
      table.add([action.verb, action.what, action.to, "[\(action.code)]"])
    }
    output.table(table)
    if !plan.open.isEmpty {
      output.line(output.styled("left:", .bold))
      try output.findings(plan.open)
    }
    let repaired = plan.repaired.isEmpty ? "nothing" : Sizes.count(plan.repaired.count, "finding")
    let left = plan.open.isEmpty ? "" : ", \(Sizes.count(plan.open.count)) left"
    output.line((isDryRun ? "to repair: " : "repaired: ") + repaired + left)
  }

  private struct Action {
    let verb: String
    let what: String
    var to = ""
    let code: Finding.Code
  }

  /// The tensors of a finding that are listed; a repair may rename every tensor.
  private static let mostTensors = 8

  /// The lines of the table: of many tensors the first, and how many more there are.
  private var actions: [Action] {
    var actions: [Action] = []
    for finding in plan.repaired {
      let renames = finding.renames.map { ($0.from, $0.to as TensorName?) }
      actions += Self.actions("rename", renames, finding.code)
      let removals = finding.removals.map { ($0, nil as TensorName?) }
      actions += Self.actions("remove", removals, finding.code)
      actions += finding.repairs.compactMap { Self.action($0, finding.code) }
    }
    return actions
  }

  /// Lines for the tensors of one finding.
  private static func actions(
    _ verb: String, _ tensors: [(TensorName, TensorName?)], _ code: Finding.Code
  ) -> [Action] {
    var actions = tensors.prefix(mostTensors).map { from, to in
      Action(
        verb: verb, what: from.string.printable, to: to.map { "to " + $0.string.printable } ?? "",
        code: code)
    }
    if tensors.count > mostTensors {
      let rest = Sizes.count(tensors.count - mostTensors, "other tensor")
      actions.append(Action(verb: verb, what: rest, code: code))
    }
    return actions
  }

  private static func action(_ repair: Finding.Repair, _ code: Finding.Code) -> Action? {
    switch repair {
    case .renameTensor: nil
    case .removeTensor: nil
    case .removeKey(let key): Action(verb: "remove", what: "key " + key.printable, code: code)
    case .setKey(let key, let value):
      Action(
        verb: "set", what: "key " + key.printable, to: "to " + value.description.printable,
        code: code)
    case .setMetadata(let key, let text):
      Action(verb: "set", what: "metadata " + key.printable, to: "to " + text.printable, code: code)
    case .writeWeights(let name): Action(verb: "write", what: name.printable, code: code)
    case .removeFile(let name): Action(verb: "leave out", what: name.printable, code: code)
    case .rewriteIndex: Action(verb: "write", what: "the index of the shards", code: code)
    }
  }

  /// The schema is in spec/repair.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("source", plan.source)
    output.writer.member("destination", plan.destination)
    output.writer.member("dry_run", isDryRun)
    output.writer.member("holds", holds)
    for (key, findings) in [("repaired", plan.repaired), ("left", plan.open)] {
      output.writer.key(key)
      output.writer.beginArray()
      for finding in findings {
        output.writer.finding(finding)
        try output.flushIfLarge()
      }
      output.writer.endArray()
    }
    output.writer.endObject()
  }
}
