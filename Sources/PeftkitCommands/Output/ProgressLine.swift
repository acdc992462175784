// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Files
internal import Synchronization
internal import Tensors

/// A line on standard error that shows how far a command is (spec/command-line.md, L93); nothing unless that is a
/// terminal.
///
/// `main` shows the line while a command runs. What the command knows of its work makes the text more
/// specific.
enum ProgressLine {
  /// A text after a number of seconds.
  typealias Text = @Sendable (_ seconds: Double) -> String

  private static let intervalMilliseconds = 200
  /// The seconds without a line: short work needs none.
  private static let patience = 0.5

  /// What the command shows now, and since when.
  private static let current = Mutex((text: reading(), stopwatch: Stopwatch()))

  /// Carries out `body`, showing a line beside it.
  ///
  /// - Throws: what `body` throws.
  static func showing<R>(while body: () throws -> R) throws -> R {
    guard Console.showsProgress else { return try body() }
    let ticker = Ticker()
    let start = Stopwatch()
    return try WorkerPool.run {
      () throws in
      defer { ticker.stop() }
      return try body()
    } beside: {
      ticker.run(milliseconds: intervalMilliseconds) {
        guard start.seconds > patience else { return }
        let (text, stopwatch) = current.withLock { $0 }
        Console.showProgress("  " + text(stopwatch.seconds))
      }
      Console.clearProgress()
    }
  }

  /// Carries out `body`, for which the line shows a text.
  ///
  /// - Throws: what `body` throws.
  static func showing<R, E: Error>(
    _ text: @escaping Text, while body: () throws(E) -> R
  ) throws(E) -> R {
    let outer = current.withLock { current in
      defer { current = (text, Stopwatch()) }
      return current
    }
    defer { current.withLock { $0 = outer } }
    return try body()
  }

  /// Carries out `body` for each of `items`, while the line shows the number of those that are done.
  ///
  /// - Parameter noun: what an item is.
  /// - Throws: what `body` throws.
  static func counting<Items: Collection, R>(
    _ items: Items, _ noun: String, _ body: (Items.Element) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> [R] {
    let done = ByteCounter()
    let total = items.count
    return try showing({ seconds in
      "\(Sizes.count(done.value)) of \(Sizes.count(total, noun))  \(Sizes.duration(seconds))"
    }) { () throws(CheckpointError) in
      var results: [R] = []
      for item in items {
        results.append(try body(item))
        done.add(1)
      }
      return results
    }
  }

  /// The text while files are read: how much, of how much if that is known.
  static func reading(of total: Int? = nil) -> Text {
    let start = InputFile.readByteCount
    return { seconds in
      let count = InputFile.readByteCount - start
      return TransferProgress.line(count, of: total, after: seconds)
    }
  }
}
