// SPDX-License-Identifier: Apache-2.0

/// WaveFT: a module's change is the inverse wavelet transform of a few coefficients, whose places
/// follow from a seed.
public struct WaveFTMethod: ModuleMethod {
  /// Creates the description.
  public init() {}

  public var type: PEFTType { PEFTType(rawValue: "WAVEFT") }
  public var parameterPrefix: String { "waveft_" }
  public var moduleSizes: [ModuleSize] {
    [ModuleSize("n_frequency", default: 2592, pattern: "n_frequency_pattern")]
  }
  public var rules: [ConfigRule] { ConfigRule.layerSelection + [.bias, Self.waveletFamily] }

  public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
    let isProportional = config.flag("proportional_parameters", default: false)
    let count = isProportional ? Self.share(config) : "n_frequency"
    return [ModuleForm(.linear, tensors: [.init("waveft_spectrum", [count], untrained: .zeros)])]
  }

  /// Proportional allocation shares `n_frequency` coefficients for each module out by the sizes of all
  /// modules.
  private static func share(_ config: AdapterConfig) -> Extent {
    let frequency = config.integer("n_frequency", default: 2592)
    return Extent("coefficients") { values in
      guard let frequency, frequency >= 1, let inputs = values["in"], let outputs = values["out"],
        let modules = values["all modules"], let elements = values["all elements"], elements >= 1
      else { return nil }
      let share = Double(inputs) * Double(outputs) / Double(elements)
      let count = (share * (Double(frequency) * Double(modules))).rounded(.toNearestOrEven)
      return Int(exactly: count).map { max(1, $0) }
    }
  }

  /// The wavelets that PEFT has: Daubechies 1 to 38, symlets 2 to 20, coiflets 1 to 17.
  private static let waveletFamily = ConfigRule("wavelet_family") { config in
    guard let name = config.text("wavelet_family", default: nil) else { return nil }
    let families = [("db", 1...38), ("sym", 2...20), ("coif", 1...17)]
    let isKnown = families.contains { family, orders in
      guard name.hasPrefix(family), let order = Int(name.dropFirst(family.count)) else {
        return false
      }
      return orders.contains(order) && name.utf8.elementsEqual("\(family)\(order)".utf8)
    }
    return isKnown
      ? nil
      : "\"wavelet_family\" is \"\(name)\", but must be db1 to db38, sym2 to sym20 or coif1 to coif17"
  }
}
