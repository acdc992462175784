// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Conversion
internal import Files
internal import Tensors

/// The options of the conversion of a tree.
struct BulkOptions: ParsableArguments {
  @Flag(
    help: "Convert every adapter and checkpoint in the tree SRC into the tree DST.")
  var recursive = false

  @Option(
    help: ArgumentHelp(
      "The number of parallel conversions (default: one for each CPU, at least 8 without --no-sync).",
      valueName: "n"))
  var jobs: Int?

  @Flag(help: "Continue an earlier run; existing outputs are checked.")
  var resume = false

  @Option(
    help: ArgumentHelp("Convert part I of N of the tree, from 1/N to N/N.", valueName: "i/n"))
  var shard: String?

  @Option(
    help: ArgumentHelp(
      "The path of the manifest (default: in DST).", valueName: "file"),
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
        throw ValidationError("'\(other.name)' requires --recursive.")
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

  /// The part of the tree to convert; nil for all of it.
  func workPartition() throws(CheckpointError) -> WorkPartition? {
    guard let shard else { return nil }
    return try WorkPartition(parsing: shard)
  }
}
