// SPDX-License-Identifier: Apache-2.0
internal import PEFT

/// An adapter on its way into a base model.
struct MergeSource: Sendable {
  let adapter: Adapter
  let base: BaseModel
  /// What the adapter's own scale is multiplied by.
  let scale: Double
}
