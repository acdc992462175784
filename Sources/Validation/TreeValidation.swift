// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import Concurrency
internal import Files
public import PEFT
internal import Synchronization
public import Tensors

/// The check of every adapter, model and checkpoint file of a tree, each by itself.
public struct TreeValidation: Sendable {
  /// The result of a unit.
  public struct Item: Sendable {
    /// The path of the unit.
    public let path: String
    /// The findings, or why the unit cannot be read.
    public let result: Result<Validation, CheckpointError>
  }

  /// Takes the result of a unit.
  public typealias Observer = @Sendable (Item) throws(CheckpointError) -> Void

  /// The root of the tree.
  public let root: String
  /// What adapters are checked against.
  public private(set) var options: FindingOptions

  /// Describes a check.
  public init(root: String, options: FindingOptions = FindingOptions()) {
    self.root = root
    self.options = options
    self.options.memory = FindingMemory()
  }

  /// Checks the tree on all CPUs. A unit that cannot be read does not end the check.
  ///
  /// - Parameter observer: called for each unit, in the order of the walk, one call at a time.
  /// - Throws: `missing` or `system` when the root cannot be listed; what `observer` throws.
  /// - Complexity: O(bytes of the tree), in memory for the names of a directory and its parents.
  public func run(_ observer: @escaping Observer) throws(CheckpointError) {
    let run = TreeRun(try CheckpointWalk(of: root), observer)
    WorkerPool.run(count: AvailableCPUs.count) {
      while let (number, units) = run.next() { run.finish(number, units.map(item)) }
    }
    try run.end()
  }

  private func item(_ unit: CheckpointWalk.Unit) -> Item {
    switch unit {
    case .unreadable(let path, let error): return item(path, .failure(error))
    case .adapter(let listing):
      return directory(listing.path) { _ throws(CheckpointError) in
        .adapter(try Adapter(listing: listing, in: root))
      }
    case .model(let path):
      return directory(path) { path throws(CheckpointError) in try OpenedCheckpoint(path: path) }
    case .file(let path):
      return validation(path) { () throws(CheckpointError) in
        .file(try Checkpoint.open(InputFile(path, in: root)))
      }
    }
  }

  /// The result of a directory, which is opened by its path as text.
  private func directory(
    _ path: RelativePath, _ open: (String) throws(CheckpointError) -> OpenedCheckpoint
  ) -> Item {
    validation(path) { () throws(CheckpointError) in
      let place = path.string(in: root)
      guard path.isText else {
        throw CheckpointError(.unsupported, "has a name that is not UTF-8", path: place)
      }
      return try open(place)
    }
  }

  private func validation(
    _ path: RelativePath, _ open: () throws(CheckpointError) -> OpenedCheckpoint
  ) -> Item {
    do throws(CheckpointError) {
      return item(
        path,
        .success(try Validation(open(), path: path.string(in: root), options: options)))
    } catch {
      return item(path, .failure(error.inFile(path.string(in: root))))
    }
  }

  private func item(_ path: RelativePath, _ result: Result<Validation, CheckpointError>) -> Item {
    Item(path: path.string(in: root), result: result)
  }
}

/// The state that the threads of a check share.
private final class TreeRun: Sendable {
  private struct Walk {
    var units: CheckpointWalk
    var count = 0
  }

  private struct Results {
    /// The results that wait for earlier ones, by their numbers.
    var waiting: [Int: [TreeValidation.Item]] = [:]
    var next = 0
    /// The error of the observer, which ends the check.
    var failure: CheckpointError?
  }

  /// The units that a thread takes at a time: small adapters take less time than waiting for a lock.
  private static let unitsPerBatch = 8

  private let walk: Mutex<Walk>
  private let results = Mutex(Results())
  private let observer: TreeValidation.Observer

  init(_ units: CheckpointWalk, _ observer: @escaping TreeValidation.Observer) {
    walk = Mutex(Walk(units: units))
    self.observer = observer
  }

  /// The next units, with their number in the order of the walk; nil at the end.
  func next() -> (Int, [CheckpointWalk.Unit])? {
    guard results.withLock({ $0.failure == nil }) else { return nil }
    return walk.withLock { walk in
      var units: [CheckpointWalk.Unit] = []
      while units.count < Self.unitsPerBatch, let unit = walk.units.next() { units.append(unit) }
      guard !units.isEmpty else { return nil }
      defer { walk.count += 1 }
      return (walk.count, units)
    }
  }

  /// Passes results on when all earlier ones have been.
  func finish(_ number: Int, _ items: [TreeValidation.Item]) {
    results.withLock { results in
      results.waiting[number] = items
      while let items = results.waiting.removeValue(forKey: results.next) {
        results.next += 1
        do throws(CheckpointError) {
          for item in items where results.failure == nil { try observer(item) }
        } catch {
          results.failure = error
        }
      }
    }
  }

  /// Throws the error that ended the check, if one did.
  func end() throws(CheckpointError) {
    if let failure = results.withLock({ $0.failure }) { throw failure }
  }
}
