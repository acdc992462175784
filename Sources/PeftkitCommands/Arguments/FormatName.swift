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

  /// The extensions of each format, for help texts: `torch: .bin, .pt, .pth, .ckpt; npz: .npz`.
  static var extensions: String {
    CheckpointFormats.all
      .map { "\($0.name): " + $0.fileExtensions.joined(separator: ", ") }
      .joined(separator: "; ")
  }

  static var allValueStrings: [String] { CheckpointFormats.all.map(\.name) }
}
