// SPDX-License-Identifier: Apache-2.0

/// A parser that is fuzzed, with what must hold for every input. A violation traps.
struct FuzzTarget: Sendable {
  /// The name, which is also that of its corpus.
  let name: String
  /// Parses an input.
  let check: @Sendable ([UInt8]) -> Void

  /// All targets.
  static let all = formats + pickles + texts + names + adapters

  /// The target with this name.
  static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Traps unless a condition holds.
func require(_ condition: Bool, _ message: @autoclosure () -> String) {
  if !condition { fatalError(message()) }
}
