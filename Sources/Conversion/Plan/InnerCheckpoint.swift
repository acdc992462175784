// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import Files
internal import PEFT

/// An adapter or a model in a subdirectory of another one.
struct InnerCheckpoint {
  /// Its path in the tree, which is UTF-8, since it is opened by it.
  let directory: RelativePath
  /// The adapter; nil for a model.
  let adapter: AdapterDirectory?

  var kind: ConversionUnit.Kind { adapter == nil ? .model : .adapter }
}

extension DirectoryTree {
  /// The adapters and models in subdirectories, each before those inside it (spec/bulk.md, B3).
  ///
  /// - Parameter adapters: all adapters of the tree.
  /// - Complexity: O(files); no system calls.
  func innerCheckpoints(
    among adapters: [RelativePath: AdapterDirectory]
  ) -> [InnerCheckpoint] {
    guard !directories.isEmpty else { return [] }
    let models = ModelDirectory.all(in: self)
    return directories.compactMap { directory in
      guard adapters[directory] != nil || models.contains(directory) else { return nil }
      return InnerCheckpoint(directory: directory, adapter: adapters[directory])
    }
  }
}
