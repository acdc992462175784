// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Checkpoints
internal import Tensors

/// A checkpoint as an argument names it: a path, or a model in the cache of the Hub
/// (spec/hub-cache.md, Z1).
struct CheckpointArgument: ExpressibleByArgument {
  /// The argument.
  let text: String

  init(argument: String) {
    text = argument
  }

  /// The path of the checkpoint; that of a tree, if all checkpoints in it are meant.
  ///
  /// - Throws: `missing` for a model that the cache does not have.
  func path(isTree: Bool = false) throws(CheckpointError) -> String {
    try HubCache.path(of: text, isTree: isTree)
  }
}
