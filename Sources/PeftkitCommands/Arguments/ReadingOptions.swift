// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ArgumentParser
internal import Tensors

/// How a command reads checkpoints.
struct ReadingOptions: ParsableArguments {
  @Flag(
    name: .customLong("strict-pickle"),
    help: "Refuse a file that asks Python to run code, instead of reading its tensors.")
  var strictPickle = false

  /// Refuses an archive that asks Python to run code, if that was asked for.
  func check(_ archive: any TensorArchive) throws(CheckpointError) {
    if strictPickle { try archive.requireDataOnly() }
  }
}
