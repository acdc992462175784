// SPDX-License-Identifier: Apache-2.0
internal import Files
public import PEFT
internal import Synchronization
public import Tensors
internal import Validation

/// An overview of many checkpoints, which collects a row for each.
public final class Overview: Sendable {
  private struct State {
    var rows: [OverviewRow] = []
    var omittedCount = 0
  }

  private let options: FindingOptions
  private let state = Mutex(State())

  /// Starts an overview without rows.
  ///
  /// - Parameter options: what adapters are checked against.
  public init(options: FindingOptions = FindingOptions()) {
    var options = options
    options.memory = FindingMemory()
    self.options = options
  }

  /// The number of checkpoints so far.
  public var count: Int { state.withLock { $0.rows.count + $0.omittedCount } }

  /// Adds every adapter, model and checkpoint file of a tree, read on all CPUs. One that cannot be
  /// read has a row that says so.
  ///
  /// - Throws: `missing` or `system` when the root cannot be listed.
  /// - Complexity: O(bytes of the tree), in memory for the largest module on each CPU.
  public func add(tree root: String) throws(CheckpointError) {
    let options = options
    try TreeWork<OverviewRow.Subject>(root: root) { checkpoint, path throws(CheckpointError) in
      try Self.subject(checkpoint, path, options)
    }.run { path, result throws(CheckpointError) in
      self.add(OverviewRow(path: path, result: result))
    }
  }

  /// Adds what is at a path: a tree, or one checkpoint. A path that cannot be read has a row that says so.
  ///
  /// - Complexity: as `add(tree:)`.
  public func add(path: String) {
    do throws(CheckpointError) {
      switch try PathKind(path: path) {
      case .directory: try add(tree: path)
      case .file, .other: add(try OpenedCheckpoint(path: path), path: path)
      }
    } catch {
      add(OverviewRow(path: path, result: .failure(error)))
    }
  }

  /// Adds one checkpoint.
  public func add(_ checkpoint: OpenedCheckpoint, path: String) {
    do throws(CheckpointError) {
      let subject = try Self.subject(checkpoint, path, options)
      add(OverviewRow(path: path, result: .success(subject)))
    } catch {
      add(OverviewRow(path: path, result: .failure(error)))
    }
  }

  /// The page with all rows (spec/report.md, J30 to J33).
  ///
  /// - Parameters:
  ///   - title: the name of the overview.
  ///   - paths: the paths that it is about; rows leave out the only one.
  public func page(title: String, paths: [String]) -> ReportPage {
    let (rows, omittedCount) = state.withLock { ($0.rows, $0.omittedCount) }
    return ReportPage(overview: rows, omittedCount: omittedCount, title: title, paths: paths)
  }

  private static func subject(
    _ checkpoint: OpenedCheckpoint, _ path: String, _ options: FindingOptions
  ) throws(CheckpointError) -> OverviewRow.Subject {
    OverviewRow.Subject(
      try MeasuredCheckpoint(
        checkpoint, path: path, options: options, countsValues: false, counter: nil))
  }

  private func add(_ row: OverviewRow) {
    state.withLock { state in
      if state.rows.count < ReportLimits.overviewRows {
        state.rows.append(row)
      } else {
        state.omittedCount += 1
      }
    }
  }
}
