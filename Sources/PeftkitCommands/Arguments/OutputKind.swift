// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ArgumentParser
internal import Bridges
internal import Checkpoints

/// What `--to` names: a format of files, a home of adapters, or both under one name.
struct OutputKind: ExpressibleByArgument {
  /// The format; nil for a home that is none.
  let format: (any CheckpointFormat)?
  /// The home; nil for a format that is none.
  let home: (any AdapterHome)?

  init?(argument: String) {
    format = CheckpointFormats.format(named: argument)
    home = AdapterHomes.home(named: argument)
    if format == nil, home == nil { return nil }
  }

  static var allValueStrings: [String] {
    let formats = CheckpointFormats.all.map(\.name)
    return formats + AdapterHomes.all.map(\.name).filter { !formats.contains($0) }
  }
}
