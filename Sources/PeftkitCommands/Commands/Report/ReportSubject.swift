// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Concurrency
internal import Files
internal import PEFT
internal import Reports
internal import Tensors

/// The subject of a page: one checkpoint, two, or many.
enum ReportSubject {
  /// A checkpoint and its path.
  typealias Side = (checkpoint: OpenedCheckpoint, path: String)

  case checkpoint(Side)
  case comparison(Side, Side)
  case overview([String])

  /// Opens the paths, as far as the number of them and what they are tells the subject.
  ///
  /// - Parameter isRecursive: whether all paths are trees.
  /// - Throws: what opening them throws.
  init(paths: [String], isRecursive: Bool) throws(CheckpointError) {
    switch paths.count {
    case 1 where !isRecursive:
      self =
        try OpenedCheckpoint(existing: paths[0]).map { .checkpoint(($0, paths[0])) }
        ?? .overview(paths)
    case 2 where !isRecursive:
      self = .comparison(
        (try OpenedCheckpoint(path: paths[0]), paths[0]),
        (try OpenedCheckpoint(path: paths[1]), paths[1]))
    default: self = .overview(paths)
    }
  }

  /// Reads the subject, with a line of progress on a terminal.
  ///
  /// - Parameter measuresSurvival: whether the page of an adapter says how much of it a merge would keep.
  /// - Throws: what reading it throws; `missing` for an overview of nothing.
  func page(
    _ options: FindingOptions, measuresSurvival: Bool
  ) throws(CheckpointError) -> ReportPage {
    switch self {
    case .checkpoint(let side):
      return try Self.showingProgress(of: [side]) { counter throws(CheckpointError) in
        try ReportPage(
          side.checkpoint, path: side.path, options: options, measuresSurvival: measuresSurvival,
          counter: counter)
      }
    case .comparison(let left, let right):
      return try Self.showingProgress(of: [left, right]) { counter throws(CheckpointError) in
        try ReportPage(comparing: left, with: right, options: options, counter: counter)
      }
    case .overview(let paths): return try Self.overview(of: paths, options)
    }
  }

  private static func showingProgress(
    of sides: [Side], _ body: (ByteCounter) throws(CheckpointError) -> ReportPage
  ) throws(CheckpointError) -> ReportPage {
    let total = sides.reduce(0) { $0 + $1.checkpoint.archive.tensorByteCount }
    let counter = ByteCounter()
    return try TransferProgress.showing(counter, of: total) { () throws(CheckpointError) in
      try body(counter)
    }
  }

  private static func overview(
    of paths: [String], _ options: FindingOptions
  ) throws(CheckpointError) -> ReportPage {
    let overview = Overview(options: options)
    try ProgressLine.showing { seconds in
      "\(Sizes.count(overview.count)) read  \(Sizes.duration(seconds))"
    } while: { () throws(CheckpointError) in
      // The only path must be there; one of several does not stop the others.
      if paths.count == 1, try PathKind(path: paths[0]) == .directory {
        try overview.add(tree: paths[0])
      } else {
        for path in paths { overview.add(path: path) }
      }
    }
    guard overview.count > 0 else {
      throw CheckpointError(
        .missing, "contains no adapter, no model and no checkpoint file", path: paths[0])
    }
    let name = paths[0].split(separator: "/").last.map(String.init) ?? paths[0]
    return overview.page(
      title: paths.count == 1 ? name : "\(Sizes.count(overview.count)) checkpoints", paths: paths)
  }
}
