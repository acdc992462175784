// SPDX-License-Identifier: Apache-2.0

/// PSOFT: a rotation, or any square matrix, between the largest singular vectors of a weight.
public struct PSOFTMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "PSOFT") }
  public var parameterPrefix: String { "psoft_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 32)] }
  public var alphaKey: String? { "psoft_alpha" }
  public var rules: [ConfigRule] {
    ConfigRule.layerSelection + [
      .oneOf("ab_svd_init", ["pissa_init", "psoft_init"]),
      .oneOf("psoft_svd", ["full", "lowrank"]),
      Self.terms, Self.epsilon, Self.unusedTerms,
    ]
  }

  private static let unusedTerms = ConfigRule("num_cayley_neumann_terms", severity: .note) {
    guard !$0.flag("use_cayley_neumann", default: false) else { return nil }
    return ConfigRule.unused(
      "num_cayley_neumann_terms", usual: 5, "\"use_cayley_neumann\" is false"
    ).violation($0)
  }

  public var tensorKeys: [String: String] {
    [
      "psoft_R.weight": "psoft_orth", "psoft_R.vector_a": "psoft_mag_a",
      "psoft_R.vector_b": "psoft_mag_b",
    ]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let triangle = Extent("r (r - 1) / 2") { values in
      values["r"].flatMap { rank in
        let (twice, overflow) = rank.multipliedReportingOverflow(by: rank - 1)
        return overflow ? nil : twice / 2
      }
    }
    let isRotation = config.flag("psoft_orth", default: true)
    let vectors = ["b", "a"].filter { config.flag("psoft_mag_\($0)", default: true) }
    return [
      ModuleForm(
        .linear,
        tensors: [
          isRotation
            ? .init("psoft_R.weight", [triangle], untrained: .zeros)
            : .init("psoft_R.weight", ["r", "r"])
        ] + vectors.map { .init("psoft_R.vector_\($0)", ["r"], untrained: .ones) })
    ]
  }

  private static let terms = ConfigRule("num_cayley_neumann_terms") { config in
    guard config.flag("use_cayley_neumann", default: false),
      let terms = config.integer("num_cayley_neumann_terms", default: 5), terms <= 0
    else { return nil }
    return "\"num_cayley_neumann_terms\" is \(terms), but must be positive"
  }

  private static let epsilon = ConfigRule("cayley_neumann_eps") { config in
    guard config.flag("use_cayley_neumann", default: false),
      let epsilon = config.number("cayley_neumann_eps", default: nil), !(epsilon > 0 && epsilon < 1)
    else { return nil }
    return "\"cayley_neumann_eps\" is \(epsilon), but must be above 0 and below 1"
  }
}
