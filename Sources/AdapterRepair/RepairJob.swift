// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Conversion
public import Files
public import PEFT
public import Tensors

/// A repair of an adapter or a model: what its findings say can be changed without a change of what it
/// computes (spec/repair.md).
public struct RepairJob: Sendable {
  /// The directory that is read.
  public let source: String
  /// The directory that is written.
  public let destination: String
  /// What the adapter is checked against.
  public let options: FindingOptions
  /// Whether an existing output is replaced, and whether the output is flushed.
  public let policy: OutputPolicy

  /// The most rounds of finding and repairing: a repair may bring up findings that it hid.
  private static let mostRounds = 8

  /// Creates a repair.
  public init(
    source: String, destination: String, options: FindingOptions = FindingOptions(),
    policy: OutputPolicy = OutputPolicy()
  ) {
    self.source = source
    self.destination = destination
    self.options = options
    self.policy = policy
  }

  /// Plans the repair; nothing is written.
  ///
  /// - Throws: what opening the source throws; `invalidArgument` when it is not a directory; what
  ///   planning the output throws.
  /// - Complexity: O(tensors · rounds); no tensor data is read.
  public func plan() throws(CheckpointError) -> RepairPlan {
    let checkpoint = try OpenedCheckpoint(path: source, replacesStaleIndex: true)
    try checkpoint.archive.requireDataOnly()
    var changes = RepairChanges(of: checkpoint.archive)
    var repaired: [Finding] = []
    var refused: Set<Finding> = []
    var open = try findings(about: checkpoint, after: changes)
    for _ in 0..<Self.mostRounds {
      let candidates = open.filter { !$0.repairs.isEmpty && !refused.contains($0) }
      guard !candidates.isEmpty else { break }
      for finding in candidates {
        if changes.add(finding) { repaired.append(finding) } else { refused.insert(finding) }
      }
      open = try findings(about: checkpoint, after: changes)
    }
    var conversion = ConversionOptions(
      format: changes.format ?? checkpoint.archive.format, policy: policy)
    conversion.replacesStaleIndexes = true
    conversion.allowsEmpty = true
    conversion.selection.renames = changes.renames
    conversion.selection.removed = changes.removed
    conversion.configChanges = changes.config
    conversion.metadata.entries = changes.metadata
    let job = ConversionJob(source: source, destination: destination, options: conversion)
    return RepairPlan(
      source: source, destination: destination, repaired: repaired, open: open,
      conversion: try job.plan())
  }

  private func findings(
    about checkpoint: OpenedCheckpoint, after changes: RepairChanges
  ) throws(CheckpointError) -> [Finding] {
    switch checkpoint {
    case .adapter(let adapter):
      return try changes.applied(to: adapter).examination(options, readsValues: false).findings
    case .model(let model):
      let findings = try model.findings(readsValues: false)
      return findings.filter { finding in
        !finding.repairs.allSatisfy(changes.contains) || finding.repairs.isEmpty
      }
    case .file:
      throw CheckpointError(
        .invalidArgument, "is not the directory of an adapter or a model", path: source,
        hint: "name the directory that the file is in")
    }
  }
}

/// A repair that is about to be written.
public struct RepairPlan: Sendable {
  /// The path that is read.
  public let source: String
  /// The path that is written.
  public let destination: String
  /// The findings that the repair resolves, with what it does for each.
  public let repaired: [Finding]
  /// The findings that are left: repairing them would change what the adapter computes, or needs what
  /// is not there.
  public let open: [Finding]

  let conversion: ConversionPlan

  /// The approximate number of bytes to write.
  public var byteCount: Int { conversion.tensorByteCount }

  /// Writes the output, which appears whole or not at all.
  ///
  /// - Throws: as `ConversionPlan.execute`.
  /// - Complexity: O(bytes), in constant memory.
  public func execute() throws(CheckpointError) {
    _ = try conversion.execute()
  }
}
