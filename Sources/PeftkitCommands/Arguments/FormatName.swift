// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ArgumentParser
internal import Checkpoints
internal import Files

/// The name of a format, as `--to` takes it.
struct FormatName: ExpressibleByArgument {
  /// The format.
  let format: any CheckpointFormat

  init?(argument: String) {
    guard let format = CheckpointFormats.format(named: argument) else { return nil }
    self.format = format
  }

  static var allValueStrings: [String] { CheckpointFormats.all.map(\.name) }
}
