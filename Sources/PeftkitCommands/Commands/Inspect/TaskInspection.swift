// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

/// The task statistics that `inspect` shows of a multitask prompt tuning adapter.
enum TaskInspection {
  case insight(TaskInsight)
  case skipped(reason: String)

  /// The largest cost, in multiplications, that is spent unasked: about ten milliseconds.
  static let largestCost = 1 << 24
  /// The most tasks whose similarity matrix is shown as text.
  private static let largestMatrix = 12

  /// Computes the statistics; nil for anything but a multitask prompt tuning adapter.
  ///
  /// - Parameter isForced: computes them for an adapter of any size; then a failure throws.
  init?(_ adapter: Adapter?, isForced: Bool) throws(CheckpointError) {
    guard let adapter, try Self.hasTasks(adapter, isForced: isForced) else { return nil }
    do throws(CheckpointError) {
      let adapter = try MultitaskPromptAdapter(adapter)
      guard isForced || adapter.insightCost <= Self.largestCost else {
        self = .skipped(
          reason:
            "the adapter is large (\(adapter.insightCost) multiplications); --tasks shows them")
        return
      }
      self = .insight(try adapter.insight())
    } catch {
      if isForced { throw error }
      self = .skipped(reason: "\(error)")
    }
  }

  /// Whether the method of an adapter has tasks.
  ///
  /// - Throws: when the tasks were asked for and the config does not tell the method; otherwise the
  ///   summary says so.
  private static func hasTasks(_ adapter: Adapter, isForced: Bool) throws(CheckpointError) -> Bool {
    do throws(CheckpointError) {
      return try adapter.config.method.hasTasks
    } catch {
      guard isForced else { return false }
      throw error.inFile(adapter.directory.configPath)
    }
  }
}

extension TaskInspection {
  func addText(to output: inout TextOutput) {
    output.line()
    output.line(output.styled("tasks", .bold))
    switch self {
    case .skipped(let reason):
      output.line("  not shown: \(reason)")
    case .insight(let insight):
      let hasMatrix = insight.tasks.count <= Self.largestMatrix
      let others = hasMatrix ? insight.tasks.indices : 0..<0
      var table = Table(
        [("task", .right), ("norm", .right), ("effective rank", .right)]
          + others.map { ("cos \($0)", .right) })
      for (index, task) in insight.tasks.enumerated() {
        table.add(
          [String(index), Sizes.scientific(task.norm), Sizes.fixed(task.effectiveRank, 2)]
            + others.map { insight.similarities[index][$0].map(Self.cosine) ?? "-" })
      }
      output.table(table)
      if !hasMatrix { output.line("  (--json has the cosines between the tasks)") }
    }
  }

  private static func cosine(_ value: Double) -> String {
    (value < 0 ? "-" : "") + Sizes.fixed(value.magnitude, 3)
  }

  /// Writes the member `multitask`; its schema is in spec/mpt-operations.md, O40.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.key("multitask")
    output.writer.beginObject()
    switch self {
    case .skipped(let reason):
      output.writer.member("skipped", reason)
      output.writer.member("tasks", nil as Int?)
      output.writer.member("cosine_similarities", nil as Int?)
    case .insight(let insight):
      output.writer.member("skipped", nil as String?)
      output.writer.key("tasks")
      output.writer.beginArray()
      for task in insight.tasks {
        output.writer.beginObject()
        output.writer.member("norm", task.norm.finite)
        output.writer.member("effective_rank", task.effectiveRank.finite)
        output.writer.key("singular_values")
        output.writer.numbers(task.singularValues)
        output.writer.endObject()
        try output.flushIfLarge()
      }
      output.writer.endArray()
      output.writer.key("cosine_similarities")
      output.writer.beginArray()
      for row in insight.similarities {
        output.writer.numbers(row)
        try output.flushIfLarge()
      }
      output.writer.endArray()
    }
    output.writer.endObject()
  }
}

extension JSONWriter {
  /// Writes a list of numbers, with null for nil.
  fileprivate mutating func numbers(_ values: [Double?]) {
    beginArray()
    for value in values {
      if let value = value?.finite { float(value) } else { null() }
    }
    endArray()
  }
}

extension Double {
  /// The number; nil if strict JSON cannot represent it.
  fileprivate var finite: Double? { isFinite ? self : nil }
}
