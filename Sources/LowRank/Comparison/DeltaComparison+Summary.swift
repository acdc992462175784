// SPDX-License-Identifier: Apache-2.0

extension DeltaComparison {
  /// The modules, those that differ first, and of those the ones with the largest distance.
  public var worstFirst: [ModuleDelta] {
    func order(_ module: ModuleDelta, at index: Int) -> (Int, Double, Int) {
      let group =
        switch module.verdict {
        case .otherShape, .onlyFirst, .onlySecond, .notComparable: 0
        case .different: 1
        case .withinBound: 2
        case .rounded: 3
        case .equal: 4
        }
      return (group, -(module.distance ?? 0), index)
    }
    let keys = modules.enumerated().map { order($1, at: $0) }
    return keys.sorted(by: <).map { modules[$0.2] }
  }

  /// The slip of all modules that differ; nil where they have none or several.
  public var slip: DeltaSlip? {
    let slips = modules.filter { !$0.isSame }.map(\.slip)
    guard let first = slips.first, slips.allSatisfy({ $0 == first }) else { return nil }
    return first
  }
}
