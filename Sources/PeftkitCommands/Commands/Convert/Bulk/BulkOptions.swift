internal import ArgumentParser
internal import Conversion
internal import Files
internal import Tensors

/// What turns a conversion into one of a whole tree.
struct BulkOptions: ParsableArguments {
  @Flag(
    help: "Convert every adapter and checkpoint in the tree SRC into the tree DST.")
  var recursive = false

  @Option(
    help: ArgumentHelp(
      "How many are converted at a time (default: one for each CPU, at least 8 without --no-sync).",
      valueName: "n"))
  var jobs: Int?

  @Flag(help: "Go on where an earlier run ended; outputs that are there are checked.")
  var resume = false

  @Option(
    help: ArgumentHelp("Do part I of N of the work, from 1/N to N/N.", valueName: "i/n"))
  var shard: String?

  @Option(
    help: ArgumentHelp(
      "Where the manifest is written (default: in DST).", valueName: "file"),
    completion: .file())
  var manifest: String?

  private static let mostJobs = 1024

  func validate() throws {
    if !recursive {
      let others: [(name: String, isGiven: Bool)] = [
        ("--jobs", jobs != nil), ("--resume", resume), ("--shard", shard != nil),
        ("--manifest", manifest != nil),
      ]
      if let other = others.first(where: \.isGiven) {
        throw ValidationError("'\(other.name)' is for trees: it needs --recursive.")
      }
    }
    if let jobs, !(1...Self.mostJobs).contains(jobs) {
      throw ValidationError("'--jobs' takes a number from 1 to \(Self.mostJobs).")
    }
    do throws(CheckpointError) {
      _ = try workPartition()
    } catch {
      throw ValidationError("'--shard': \(error)\(error.hint.map { "; \($0)" } ?? "").")
    }
  }

  /// The part of the work to do, nil for all of it.
  func workPartition() throws(CheckpointError) -> WorkPartition? {
    guard let shard else { return nil }
    return try WorkPartition(parsing: shard)
  }
}
