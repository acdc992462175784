// SPDX-License-Identifier: Apache-2.0

/// MiSS: one small matrix changes a weight, expanded to its inputs; Bone is its older form.
public struct MiSSMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "MISS") }
  public var parameterPrefix: String { "miss_" }
  public var adaptsTransposedLayers: Bool { false }
  public var moduleSizes: [ModuleSize] {
    [ModuleSize("r", default: 64), ModuleSize("mini_r", default: 1)]
  }
  public var rules: [ConfigRule] {
    [.layersNeedTargetList, .layersPatternNeedsTargetList, .bias]
  }
  public var tensorKeys: [String: String] { ["miss_block": "init_weights"] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    ShardedBlock(rawValue: config.text("init_weights", default: nil) ?? "").forms("miss_block")
  }
}

/// Bone, which PEFT 0.14 to 0.18 had; MiSS replaced it.
public struct BoneMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "BONE") }
  public var parameterPrefix: String { "bone_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 64)] }
  public var rules: [ConfigRule] { [.layersNeedTargetList, .layersPatternNeedsTargetList, .bias] }
  public var tensorKeys: [String: String] { ["bone_block": "init_weights"] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    ShardedBlock(rawValue: config.text("init_weights", default: nil) ?? "").forms("bone_block")
  }
}

/// The variants of the matrix, which `init_weights` selects.
private enum ShardedBlock {
  case plain, bat, mini

  init(rawValue: String) {
    switch rawValue {
    case "bat": self = .bat
    case "mini": self = .mini
    default: self = .plain
    }
  }

  func forms(_ name: String) -> [ModuleForm] {
    let shape: [Extent] =
      switch self {
      case .plain: ["r", "out"]
      case .bat: ["out" / "r", "r", "r"]
      case .mini: ["r", "mini_r"]
      }
    return [ModuleForm(.linear, tensors: [.init(name, shape, untrained: .zeros)])]
  }
}
