// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Checkpoints

/// The size of the files that a model is split into.
struct ShardSizeOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Split the model into files of at most this size, with an index: 5GB, 500MB.",
      valueName: "size"),
    transform: { try ByteSize(parsing: $0) })
  var maxShardSize: ByteSize?

  /// The size in bytes; nil to keep the files.
  var byteCount: Int? { maxShardSize?.byteCount }
}
