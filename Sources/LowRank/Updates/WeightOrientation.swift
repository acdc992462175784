// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

/// Whether the weight of a module has its inputs first, as transformers' `Conv1D` has.
enum WeightOrientation {
  /// Decides by the shape.
  ///
  /// A square weight fits both ways. `fan_in_fan_out` then tells which is likelier; PEFT sets it for
  /// the last module that it adapts, so that in a model with both kinds of modules it may be wrong.
  ///
  /// - Returns: whether the weight is transposed, the likeliest first; none when the shape is neither
  ///   [out, in] nor [in, out].
  static func candidates(
    _ shape: Shape, out: Int, in input: Int, config: AdapterConfig
  ) -> [Bool] {
    let isExchanged = config.document["fan_in_fan_out"]?.bool ?? false
    return [isExchanged, !isExchanged].filter {
      shape == ($0 ? Shape([input, out]) : Shape([out, input]))
    }
  }
}
