// SPDX-License-Identifier: Apache-2.0

/// DEFT: a module's weight loses a subspace of its outputs, and gets another content for it.
public struct DEFTMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "DEFT") }
  public var parameterPrefix: String { "deft_" }
  public var moduleSizes: [ModuleSize] { [ModuleSize("r", default: 8)] }
  public var alphaKey: String? { "alpha" }
  public var rules: [ConfigRule] {
    [.oneOf("decomposition_method", ["qr", "relu"]), .bias] + ConfigRule.layerSelection
  }

  public var tensorKeys: [String: String] { ["deft_R": "para"] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let rank = Extent("min(r, out)") { values in
      values["r"].flatMap { rank in values["out"].map { min(rank, $0) } }
    }
    let projection = ModuleTensor("deft_P", ["out", rank])
    let injection = ModuleTensor("deft_R", [rank, "in"])
    // PaRa removes the subspace and injects nothing.
    let isRemoval = config.flag("para", default: false)
    return [ModuleForm(.linear, tensors: isRemoval ? [projection] : [projection, injection])]
  }
}
