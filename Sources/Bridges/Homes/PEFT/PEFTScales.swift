// SPDX-License-Identifier: Apache-2.0
package import JSONDocument
internal import LowRank
package import PEFT
internal import Tensors

/// The ranks and α that give every module its scale in PEFT (spec/bridges.md, BR7).
package struct PEFTScales {
  /// A rank and an α, as a config writes them.
  private struct Value: Hashable {
    let rank: Int
    let alpha: Double
  }

  /// Whether α is divided by √r in place of r.
  let isRankStabilized: Bool
  /// Whether every module has its scale exactly.
  let isExact: Bool
  private let values: [(name: String, value: Value)]
  private let common: Value

  /// Finds an α for each module: that of the source where it gives the scale.
  package init(_ modules: [(name: String, scale: LoRAScale)]) {
    let divided = modules.map { Self.alpha(of: $0.scale, dividedBy: Double($0.scale.rank)) }
    let stabilized = modules.map {
      Self.alpha(of: $0.scale, dividedBy: Double($0.scale.rank).squareRoot())
    }
    func prefers(_ alphas: [(alpha: Double, isExact: Bool, isKept: Bool)]) -> (Int, Int) {
      (alphas.count { $0.isExact }, alphas.count { $0.isKept })
    }
    isRankStabilized = prefers(divided) < prefers(stabilized)
    let chosen = isRankStabilized ? stabilized : divided
    isExact = chosen.allSatisfy(\.isExact)
    values = zip(modules, chosen).map { module, alpha in
      (module.name, Value(rank: module.scale.rank, alpha: alpha.alpha))
    }
    var counts: [Value: Int] = [:]
    var common = values.first?.value ?? Value(rank: 8, alpha: 8)
    for (_, value) in values {
      counts[value, default: 0] += 1
      if counts[value] ?? 0 > counts[common] ?? 0 { common = value }
    }
    self.common = common
  }

  /// The α for which α / divisor is the scale, or as near as numbers are.
  private static func alpha(
    of scale: LoRAScale, dividedBy divisor: Double
  ) -> (alpha: Double, isExact: Bool, isKept: Bool) {
    if scale.alpha / divisor == scale.scale { return (scale.alpha, true, true) }
    let product = scale.scale * divisor
    let nearest = [product.rounded(), product, product.nextUp, product.nextDown]
    let exact = nearest.first { $0 / divisor == scale.scale }
    return (exact ?? product, exact != nil, false)
  }

  /// Sets the keys of a config.
  ///
  /// - Parameter alphaKey: the key of α: `alpha` in the configs of LoHa and LoKr.
  package func write(to document: inout JSONObject, alphaKey: String = "lora_alpha") {
    document["r"] = JSONValue(common.rank)
    document[alphaKey] = Self.number(common.alpha)
    document["use_rslora"] = .bool(isRankStabilized)
    document["rank_pattern"] = .object(
      pattern {
        $0.rank != common.rank
      } of: {
        JSONValue($0.rank)
      })
    document["alpha_pattern"] = .object(
      pattern {
        $0.alpha != common.alpha
      } of: {
        Self.number($0.alpha)
      })
  }

  /// A pattern for the modules that have another value than most: one key for all modules of a name,
  /// where they agree.
  private func pattern(
    where differs: (Value) -> Bool, of json: (Value) -> JSONValue
  ) -> JSONObject {
    var kinds: [String: Set<Value>] = [:]
    for (name, value) in values { kinds[Self.leaf(of: name), default: []].insert(value) }
    var object = JSONObject()
    for (name, value) in values {
      guard differs(value) else { continue }
      let leaf = Self.leaf(of: name)
      let isUniform = kinds[leaf]?.count == 1
      object[isUniform ? Self.escaped(leaf) : "^" + Self.escaped(name)] = json(value)
    }
    return object
  }

  private static func leaf(of name: String) -> String {
    name.utf8.lastIndex(of: UInt8(ascii: ".")).map { String(name[name.utf8.index(after: $0)...]) }
      ?? name
  }

  /// A name as a regular expression that matches nothing else.
  private static func escaped(_ name: String) -> String {
    var text = ""
    for character in name.unicodeScalars {
      if ".^$*+?{}[]\\|()".unicodeScalars.contains(character) { text += "\\" }
      text.unicodeScalars.append(character)
    }
    return text
  }

  /// A number without a fraction as an integer.
  private static func number(_ value: Double) -> JSONValue {
    Int(exactly: value).map { JSONValue($0) } ?? .float(value)
  }
}
