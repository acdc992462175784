// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Bridges
internal import Checkpoints
internal import Concurrency
internal import Files
internal import LowRank
internal import PEFT
internal import Tensors

/// The conversion of an adapter to another home.
struct BridgeRun {
  let source: String
  let destination: String
  let home: any AdapterHome
  let arguments: BridgeArguments
  let dtype: DType?
  var policy: OutputPolicy
  let dryRun: Bool
  let json: Bool

  /// Converts the adapter, or shows what would be written, and compares the result with the source.
  func run() throws {
    let base = try arguments.baseModel(of: source)
    let opened = try AdapterHomes.openWhole(BridgeSource(path: source, base: base))
    var adapter = opened.adapter
    if let arrangement = arguments.experts {
      adapter = try adapter.arranged(arrangement, base: base)
    }
    let options = BridgeOptions(base: base, dtype: dtype)
    let plan = try home.checkedPlan(adapter, to: destination, options: options)
    try checkDestination(plan)
    let report = BridgeReport(
      source: source, destination: destination, from: opened.home.name, to: home.name, plan: plan)
    if dryRun {
      try print(report, json: json)
      if !json { Console.print(notes: plan.notes) }
      return
    }
    Interruption.noteSignals()
    var policy = policy
    let written = ByteCounter()
    policy.written = written
    try TransferProgress.showing(written, of: plan.tensorByteCount) {
      () throws(CheckpointError) in _ = try plan.write(to: destination, policy: policy)
    }
    if json { try print(report, json: true) }
    Console.print(notes: plan.notes + plan.castNotes)
    guard !arguments.noCheck else { return }
    guard !plan.isQuantized else {
      return Console.print(notes: [
        "not checked: quantized tensors are further off than one rounding"
      ])
    }
    try check(opened.adapter, base)
  }

  /// Compares what the result computes with the source (spec/deltas.md, DC11).
  private func check(_ adapter: LowRankAdapter, _ base: BaseModel?) throws {
    guard !adapter.modules.isEmpty else {
      return Console.print(notes: ["not checked: only updates of LoRA are compared"])
    }
    let result = try AdapterHomes.open(
      BridgeSource(path: destination, base: base, origin: adapter))
    let comparison = try DeltaComparison(adapter, result.adapter)
    guard !comparison.isSame else {
      return Console.print(notes: ["checked: " + comparison.summary])
    }
    Console.print(
      CheckpointError(
        .mismatch, "does not compute what \(source.printable) does: " + comparison.summary,
        path: destination))
    throw ExitCode.finding
  }

  /// Refuses to give a directory the name of a file.
  private func checkDestination(_ plan: BridgePlan) throws {
    guard plan.isDirectory, CheckpointFormats.format(ofFileName: destination) != nil,
      PathKind.existing(destination) != .directory
    else { return }
    throw ValidationError(
      "'\(destination.printable)' has the extension of a file, but \(home.summary) is a directory.")
  }
}
