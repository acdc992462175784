// SPDX-License-Identifier: Apache-2.0

/// LoKr: a module's change is the Kronecker product of a small and a large matrix, each full or
/// low-rank.
///
/// The outputs are `out_l · out_k` and the inputs `in_m · in_n`; the small matrix is
/// [out_l, in_m], the large one [out_k, in_n] with the kernel. The rank decides which is low-rank.
public struct LoKrMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "LOKR") }
  public var parameterPrefix: String { "lokr_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 8, pattern: "rank_pattern")] }
  public var alphaKey: String? { "alpha" }
  public var isScaledByRank: Bool { true }
  public var rules: [ConfigRule] { [.layersPatternNeedsLayers] }

  public var tensorKeys: [String: String] {
    [
      "lokr_w1": "decompose_both", "lokr_w1_a": "decompose_both", "lokr_w1_b": "decompose_both",
      "lokr_w2": "decompose_factor", "lokr_w2_a": "decompose_factor",
      "lokr_w2_b": "decompose_factor", "lokr_t2": "use_effective_conv2d",
    ]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let factors = LoKrFactors(
      factor: config.integer("decompose_factor", default: -1),
      splitsSmall: config.flag("decompose_both", default: false))
    let isEffective = config.flag("use_effective_conv2d", default: false)
    // The factor that is zero before training.
    let zero: ZeroFactor =
      config.text("init_weights", default: nil) == "lycoris" ? .large : .small
    var forms: [ModuleForm] = []
    for (layer, kernel) in [
      (LayerKind.linear, []), (.convolution(1), ["k"]), (.convolution(2), ["k", "k'"] as [Extent]),
    ] {
      for isSmallFull in [true, false] {
        for large in LoKrFactors.Large.allCases where large != .effective || isEffective {
          if large == .effective && kernel.isEmpty { continue }
          forms.append(
            ModuleForm(
              layer,
              tensors: factors.small(
                isFull: isSmallFull, zero == .small, isGrouped: !kernel.isEmpty)
                + factors.large(large, kernel: kernel, zero == .large)
            ) { values in
              factors.isUsed(
                isSmallFull, large, isEffective: isEffective, kernel: kernel.count, values)
            })
        }
      }
    }
    return forms
  }

  private enum ZeroFactor { case small, large }
}
