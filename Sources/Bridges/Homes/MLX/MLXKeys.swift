// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

/// The modules of an adapter as a config of MLX selects them (spec/mlx.md, MX5).
///
/// mlx-lm takes names in a block, for the last blocks of the model, and full names. mlx-swift-lm takes
/// names in a block only.
struct MLXKeys {
  /// `keys`.
  let keys: [String]
  /// `num_layers`.
  let layerCount: Int
  /// Whether the keys are full names.
  let areFull: Bool

  /// Selects modules.
  ///
  /// - Parameters:
  ///   - names: the names in the model of mlx-lm.
  ///   - config: the config of PEFT, where there is one.
  ///   - isNeutral: whether a module without factors in the file computes what it did before.
  init(_ names: [String], base: BaseModel?, config: AdapterConfig?, isNeutral: Bool) {
    let roles = names.map(LayerRole.of)
    let layers = roles.compactMap { $0?.layer }
    let first = layers.min() ?? 0
    let last = layers.max() ?? 0
    var keys: [String] = []
    if let stack = roles.first??.role.stack,
      roles.allSatisfy({ $0?.role.stack == stack }),
      let count = Self.layerCount(base, config, first, last)
    {
      let places = roles.compactMap { $0?.role.place }
      var seen: Set<UTF8Text> = []
      keys = places.filter { seen.insert(UTF8Text($0)).inserted }
      // The names are distinct, so that so many fill all the blocks.
      let (wanted, overflow) = (last - first + 1).multipliedReportingOverflow(by: keys.count)
      let isUniform = !overflow && wanted == names.count
      if isUniform || (isNeutral && base != nil) {
        self.keys = keys.sorted { UTF8Text($0) < UTF8Text($1) }
        layerCount = count - first
        areFull = false
        return
      }
    }
    self.keys = names.sorted { UTF8Text($0) < UTF8Text($1) }
    layerCount = max(1, last.addingReportingOverflow(1).partialValue)
    areFull = true
  }

  /// The number of blocks of the model, of which an adapter of certain blocks tells nothing.
  private static func layerCount(
    _ base: BaseModel?, _ config: AdapterConfig?, _ first: Int, _ last: Int
  ) -> Int? {
    if let count = base?.layerCount { return last < count ? count : nil }
    guard first == 0, last < .max, let document = config?.document,
      document["layers_to_transform"]?.isTruthy != true,
      document["layers_to_transform"]?.integer != 0
    else { return nil }
    let targets = document["target_modules"]
    guard targets?.array != nil || targets?.string == "all-linear" else { return nil }
    let isFull = targets?.array?.contains { $0.string?.containsBytes(of: ".") ?? true } ?? false
    return isFull ? nil : last + 1
  }
}
