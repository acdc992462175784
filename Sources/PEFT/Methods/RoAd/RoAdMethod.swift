// SPDX-License-Identifier: Apache-2.0

/// RoAd: pairs of outputs are rotated and scaled, with one, two or four angles and scales a pair.
public struct RoAdMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "ROAD") }
  public var parameterPrefix: String { "road_" }
  public var adaptsTransposedLayers: Bool { false }
  public var summaryKeys: [SummaryKey] { ["variant", "group_size"] }
  public var rules: [ConfigRule] {
    [.oneOf("variant", ["road_1", "road_2", "road_4"]), Self.groupSize]
  }

  public var tensorKeys: [String: String] {
    ["road_theta": "group_size", "road_alpha": "group_size"]
  }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let size: Extent =
      switch config.text("variant", default: "road_1") {
      case "road_1": "out" / 2
      case "road_2": "out"
      case "road_4": "out" * 2
      default: "angles"
      }
    let group = config.integer("group_size", default: 64)
    return [
      ModuleForm(
        .linear,
        tensors: [
          .init("road_theta", [size], untrained: .zeros),
          .init("road_alpha", [size], untrained: .ones),
        ]
      ) { values in
        guard let group, group > 0, let outputs = values["out"] else { return nil }
        return outputs % group == 0
      }
    ]
  }

  private static let groupSize = ConfigRule("group_size") { config in
    guard let size = config.integer("group_size", default: nil), size <= 0 || size % 2 != 0 else {
      return nil
    }
    return "\"group_size\" is \(size), but must be even and positive"
  }
}
