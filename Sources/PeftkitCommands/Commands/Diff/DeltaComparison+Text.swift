// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import Tensors

extension DeltaComparison {
  /// The verdict in one line.
  var summary: String {
    let count = modules.count
    let different = modules.count { !$0.isSame }
    guard different > 0 else {
      let equal = modules.count { $0.verdict == .equal }
      let rest = count == equal ? "" : ", \(Sizes.count(count - equal)) up to one rounding"
      return "\(Sizes.count(equal)) of \(Sizes.count(count, "module")) equal\(rest)"
    }
    return "\(Sizes.count(different)) of \(Sizes.count(count, "module"))"
      + (slip.map { "; " + $0.text } ?? "")
  }
}

extension ModuleDelta.Verdict {
  /// The verdict in a table.
  var text: String {
    switch self {
    case .equal: "equal"
    case .rounded: "equal up to one rounding of the factors"
    case .withinBound: "within one rounding"
    case .different: "different"
    case .otherShape: "the shapes differ"
    case .onlyFirst: "missing in b"
    case .onlySecond: "missing in a"
    case .notComparable: "not comparable: not all elements are finite"
    }
  }
}

extension DeltaSlip {
  /// The likely cause.
  var text: String {
    switch self {
    case .scale(let factor, .constant): "b is \(Sizes.scientific(factor)) times a"
    case .scale(let factor, .rank):
      "b is \(Sizes.scientific(factor)) times a, "
        + (factor.magnitude > 1 ? "the rank" : "1 / the rank")
    case .scale(let factor, .rootOfRank):
      "b is \(Sizes.scientific(factor)) times a, "
        + (factor.magnitude > 1 ? "the square root of the rank" : "1 / the square root of the rank")
    case .transposed(let factor): "\(factor.rawValue) is transposed"
    case .exchangedFactors: "A and B are exchanged"
    case .rotaryRows(let heads, let side):
      "the rows of B are interleaved in \(Sizes.count(heads, "head")) in \(side == 1 ? "a" : "b") only"
    case .rotaryHeads(let written, let read):
      "the rows of B were ordered for \(Sizes.count(written, "head")) and back for \(read)"
    case .exchangedHalves: "the halves of B's rows are exchanged, such as gate and up"
    case .rowOrder: "the rows of B have another order"
    case .expertOrder: "B has the experts in another order"
    case .otherModule(let name): "b has it for \(name.printable): exchanged modules"
    case .otherLayer(let count):
      "b has it \(Sizes.count(Int(count.magnitude), "layer")) \(count > 0 ? "later" : "earlier")"
    }
  }
}
