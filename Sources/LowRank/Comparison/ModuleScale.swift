// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors

/// The scale of a module of LoHa or LoKr, whose factors are compared as tensors.
struct ModuleScale: Sendable {
  let name: String
  let scale: LoRAScale

  /// The prefixes of the factors, by method.
  private static let prefixes = ["LOHA": ".hada_", "LOKR": ".lokr_"]

  /// The scales that a config gives the modules; empty for other methods.
  static func all(of adapter: LowRankAdapter, _ config: AdapterConfig) -> [ModuleScale] {
    guard let type = try? config.peftType, let prefix = prefixes[type.rawValue] else { return [] }
    var scales = LoRAScales(config, alphaKey: "alpha")
    var known: Set<TensorName> = []
    return adapter.others.compactMap { tensor in
      guard let module = tensor.name.prefix(before: prefix),
        known.insert(TensorName(module)).inserted, let scale = scales.scale(of: module)
      else { return nil }
      return ModuleScale(name: module, scale: scale)
    }
  }
}

extension DeltaComparison {
  /// The largest relative difference of scales that a float of 32 bits in one of the files makes.
  private static let scaleTolerance = 0x1p-22

  /// The modules of both adapters with different scales.
  static func scales(_ lefts: [ModuleScale], _ rights: [ModuleScale]) -> [ModuleDelta] {
    var others: [TensorName: LoRAScale] = [:]
    for right in rights { others[TensorName(right.name)] = right.scale }
    return lefts.compactMap { left in
      guard let right = others[TensorName(left.name)] else { return nil }
      let factor = right.scale / left.scale.scale
      guard (factor - 1).magnitude > scaleTolerance else { return nil }
      return ModuleDelta(
        left.name, .different, distance: (1 - factor).magnitude / max(1, factor.magnitude),
        slip: .scale(off: factor, rank: left.scale.rank))
    }
  }
}

extension String {
  /// The text before the last occurrence of another one.
  fileprivate func prefix(before other: String) -> String? {
    let (text, pattern) = (Array(utf8), Array(other.utf8))
    guard text.count > pattern.count else { return nil }
    let starts = (1...text.count - pattern.count).reversed()
    guard let start = starts.first(where: { text[$0...].starts(with: pattern) }) else { return nil }
    return String(decoding: text[..<start], as: UTF8.self)
  }
}
