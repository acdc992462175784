// SPDX-License-Identifier: Apache-2.0

/// AdaMSS: the rows of a weight fall into clusters, and each cluster has two factors of its own,
/// applied to a shared projection of the input.
///
/// The weight counts with its bias as one more column, so that the projection has as many columns
/// as the module has inputs, or one more.
public struct AdaMSSMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "ADAMSS") }
  public var parameterPrefix: String { "adamss_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] {
    [ModuleSize("r", default: 100), ModuleSize("subspace_rank", default: 1)]
  }

  public var rules: [ConfigRule] {
    [
      .atLeast(1, "num_subspaces"), .oneOf("init_weights", ["orthogonal"]),
      Self.whenAdaptive("mask_interval", default: 100),
      Self.whenAdaptive("asa_target_subspaces", default: 50),
      Self.whenAdaptive("asa_schedule_exponent", default: 3), Self.warmup,
    ]
  }

  public var tensorKeys: [String: String] {
    ["adamss_A": "num_subspaces", "adamss_B": "num_subspaces"]
  }

  /// The most clusters that are described; configs have a few.
  private static let largestSubspaceCount = 1024

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let count = min(config.integer("num_subspaces", default: 5) ?? 0, Self.largestSubspaceCount)
    let isDynamic = config.flag("use_dynamic_rank", default: false)
    let clusters = (0..<max(0, count)).map { cluster in
      (
        number: cluster, rows: Extent("rows of cluster \(cluster)", value: nil),
        rank: Self.rank(cluster, isDynamic: isDynamic)
      )
    }
    // B comes first: its rows bound the rank.
    return [
      ModuleForm(
        .linear,
        tensors: clusters.map {
          .init("adamss_B.\($0.number)", [$0.rows, $0.rank], untrained: .zeros)
        } + clusters.map { .init("adamss_A.\($0.number)", [$0.rank, Self.projection]) }
          + [.init("adamss_newB", [Self.projection, "in (+ 1)"])])
    ]
  }

  /// The rank of the projection: r, but no more than the sides of the weight.
  private static let projection = Extent("min(r, in, out)") { values in
    guard let rank = values["r"], let inputs = values["in"], let outputs = values["out"] else {
      return nil
    }
    // A bias adds a column, and whether there is one is unknown.
    return rank <= inputs || outputs <= inputs ? min(rank, inputs, outputs) : nil
  }

  /// The rank of a cluster: `subspace_rank`, but no more than its rows. A dynamic rank is less.
  private static func rank(_ cluster: Int, isDynamic: Bool) -> Extent {
    let rows = "rows of cluster \(cluster)"
    return Extent("rank of cluster \(cluster)") { values in
      guard let rank = values["subspace_rank"] else { return nil }
      guard rank > 1 else { return 1 }
      return isDynamic ? nil : values[rows].map { min($0, rank) }
    }
  }

  /// Adaptive allocation needs a positive value.
  private static func whenAdaptive(_ key: String, default defaultValue: Double) -> ConfigRule {
    ConfigRule(key) { config in
      guard config.flag("use_asa", default: false),
        let value = config.number(key, default: defaultValue), value <= 0
      else { return nil }
      return "\"\(key)\" is \(value), but must be positive with \"use_asa\""
    }
  }

  private static let warmup = ConfigRule("final_warmup") { config in
    guard config.flag("use_asa", default: false),
      let start = config.integer("init_warmup", default: 50),
      let end = config.integer("final_warmup", default: 1000), start >= end
    else { return nil }
    return
      "\"init_warmup\" is \(start) and \"final_warmup\" \(end), but the first must be less than "
      + "the second with \"use_asa\""
  }
}
