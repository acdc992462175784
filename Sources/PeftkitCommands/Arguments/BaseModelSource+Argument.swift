// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors

extension BaseModelSource {
  /// Reads the value of `--base`, which may be left out.
  ///
  /// - Throws: what opening the model throws.
  init(argument: String) throws(CheckpointError) {
    self = try argument == RawArguments.omittedValue ? .cached : .model(BaseModel(path: argument))
  }
}
