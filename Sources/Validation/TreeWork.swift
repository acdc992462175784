// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import Concurrency
internal import Files
package import PEFT
internal import Synchronization
package import Tensors

/// Work on every adapter, model and checkpoint file of a tree, each by itself, on all CPUs.
package struct TreeWork<Value: Sendable>: Sendable {
  /// The work on a unit: takes it open, and its path.
  package typealias Body =
    @Sendable (OpenedCheckpoint, String) throws(CheckpointError) -> Value
  /// Takes the path of a unit, and the value or why there is none.
  package typealias Observer =
    @Sendable (String, Result<Value, CheckpointError>) throws(CheckpointError) -> Void

  fileprivate typealias Item = (path: String, result: Result<Value, CheckpointError>)

  private let root: String
  private let body: Body

  /// Describes the work.
  package init(root: String, _ body: @escaping Body) {
    (self.root, self.body) = (root, body)
  }

  /// Works through the tree. A unit that cannot be read does not end the work.
  ///
  /// - Parameter observer: called for each unit, in the order of the walk, one call at a time.
  /// - Throws: `missing` or `system` when the root cannot be listed; what `observer` throws.
  package func run(_ observer: @escaping Observer) throws(CheckpointError) {
    let run = TreeRun<Value>(try CheckpointWalk(of: root), observer)
    WorkerPool.run(count: AvailableCPUs.count) {
      while let (number, units) = run.next() { run.finish(number, units.map(item)) }
    }
    try run.end()
  }

  private func item(_ unit: CheckpointWalk.Unit) -> Item {
    switch unit {
    case .unreadable(let path, let error): return (path.string(in: root), .failure(error))
    case .adapter(let listing):
      return directory(listing.path) { _ throws(CheckpointError) in
        .adapter(try Adapter(listing: listing, in: root))
      }
    case .model(let path):
      return directory(path) { path throws(CheckpointError) in try OpenedCheckpoint(path: path) }
    case .file(let path):
      return result(path) { () throws(CheckpointError) in
        .file(try Checkpoint.open(InputFile(path, in: root)))
      }
    }
  }

  /// The result of a directory, which is opened by its path as text.
  private func directory(
    _ path: RelativePath, _ open: (String) throws(CheckpointError) -> OpenedCheckpoint
  ) -> Item {
    result(path) { () throws(CheckpointError) in
      let place = path.string(in: root)
      guard path.isText else {
        throw CheckpointError(.unsupported, "has a name that is not UTF-8", path: place)
      }
      return try open(place)
    }
  }

  private func result(
    _ path: RelativePath, _ open: () throws(CheckpointError) -> OpenedCheckpoint
  ) -> Item {
    let place = path.string(in: root)
    do throws(CheckpointError) {
      return (place, .success(try body(open(), place)))
    } catch {
      return (place, .failure(error.inFile(place)))
    }
  }
}

/// The state that the threads share.
private final class TreeRun<Value: Sendable>: Sendable {
  private typealias Item = TreeWork<Value>.Item

  private struct Walk: Sendable {
    var units: CheckpointWalk
    var count = 0
  }

  private struct Results {
    /// The results that wait for earlier ones, by their numbers.
    var waiting: [Int: [Item]] = [:]
    var next = 0
    /// The error of the observer, which ends the work.
    var failure: CheckpointError?
  }

  /// The units that a thread takes at a time: small adapters take less time than waiting for a lock.
  private static var unitsPerBatch: Int { 8 }

  private let walk: Mutex<Walk>
  private let results = Mutex(Results())
  private let observer: TreeWork<Value>.Observer

  init(_ units: CheckpointWalk, _ observer: @escaping TreeWork<Value>.Observer) {
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
  func finish(_ number: Int, _ items: [TreeWork<Value>.Item]) {
    results.withLock { results in
      results.waiting[number] = items
      while let items = results.waiting.removeValue(forKey: results.next) {
        results.next += 1
        do throws(CheckpointError) {
          for item in items where results.failure == nil { try observer(item.path, item.result) }
        } catch {
          results.failure = error
        }
      }
    }
  }

  /// Throws the error that ended the work, if one did.
  func end() throws(CheckpointError) {
    if let failure = results.withLock({ $0.failure }) { throw failure }
  }
}
