// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Findings of one cause, gathered into one finding each.
struct FindingGroups<Cause: Hashable> {
  private var places: [Cause: Int] = [:]
  private var groups: [(cause: Cause, tensors: [Int])] = []

  /// Adds a tensor, by its index.
  mutating func add(_ tensor: Int, to cause: Cause) {
    if let place = places[cause] {
      groups[place].tensors.append(tensor)
    } else {
      places[cause] = groups.count
      groups.append((cause, [tensor]))
    }
  }

  /// Makes one finding of each group, in the order of their first tensors.
  func findings(_ make: (Cause, [Int]) -> Finding) -> [Finding] {
    groups.map { make($0.cause, $0.tensors) }
  }
}

extension Int {
  /// A count with its noun: "1 tensor", "2 tensors".
  func counted(_ noun: String) -> String {
    guard self != 1 else { return "1 \(noun)" }
    return noun.hasSuffix("y") ? "\(self) \(noun.dropLast())ies" : "\(self) \(noun)s"
  }
}
