// SPDX-License-Identifier: Apache-2.0

extension AdapterConfig {
  /// Whether the adapter has the factors that its modules share; without them PEFT makes them again
  /// from a seed.
  var savesProjection: Bool { flag("save_projection", default: true) }
}

extension [AdaptedModule] {
  /// The largest value of a symbol in all modules, the side of shared factors. It has no value while
  /// it is unknown for a module.
  func largest(_ symbol: String) -> Extent {
    let values = map { $0.values[symbol] }
    let isKnown = !values.isEmpty && !values.contains(nil)
    return Extent("largest \(symbol)", value: isKnown ? values.compactMap { $0 }.max() : nil)
  }
}
