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
    // Every start of the tool makes this text: a loop takes a quarter of the time of closures.
    var text = ""
    for format in CheckpointFormats.all {
      if !text.isEmpty { text += "; " }
      text += format.name
      var separator = ": "
      for fileExtension in format.fileExtensions {
        text += separator
        text += fileExtension
        separator = ", "
      }
    }
    return text
  }

  static var allValueStrings: [String] { CheckpointFormats.all.map(\.name) }
}
