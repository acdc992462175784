// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import PEFT
internal import Tensors

extension BaseModelSource {
  /// Reads the value of `--base`: a path or a model in the cache of the Hub; it may be left out.
  ///
  /// - Throws: what opening the model throws.
  init(argument: String) throws(CheckpointError) {
    guard argument != RawArguments.omittedValue else {
      self = .cached
      return
    }
    self = .model(try BaseModel(path: HubCache.path(of: argument)))
  }
}
