// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The kinds of modules that an adapter changes, and in how many layers, for a summary.
struct ModuleKinds {
  /// The kinds, by first appearance: `q_proj` of `model.layers.0.self_attn.q_proj`.
  private var counts: [(name: Substring, count: Int)] = []
  private var places: [Substring: Int] = [:]
  private var layers: Set<String> = []
  private var moduleCount = 0

  /// The most kinds that are named.
  private static let largestCount = 8

  /// Counts modules.
  ///
  /// - Complexity: O(bytes of the names).
  init(_ modules: [String]) {
    for module in modules { add(module) }
  }

  private mutating func add(_ module: String) {
    let components = module.components
    let kind = components.last { !Self.isNumber($0) } ?? module[...]
    if let place = places[kind] {
      counts[place].count += 1
    } else {
      places[kind] = counts.count
      counts.append((kind, 1))
    }
    if let layer = components.firstIndex(where: Self.isNumber) {
      layers.insert(components[...layer].dotted)
    }
    moduleCount += 1
  }

  private static func isNumber(_ component: Substring) -> Bool {
    !component.isEmpty && component.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
  }

  /// `24 modules (q_proj 12, v_proj 12)` and `12 layers`.
  var parts: [String] {
    let named = counts.prefix(Self.largestCount).map { "\($0.name) \($0.count)" }
    let rest = counts.count - named.count
    let kinds = (named + (rest > 0 ? ["\(rest) more kinds"] : [])).joined(separator: ", ")
    let modules =
      Self.count(moduleCount, "module") + (counts.isEmpty ? "" : " (\(kinds))")
    return [modules] + (layers.isEmpty ? [] : [Self.count(layers.count, "layer")])
  }

  private static func count(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }
}
