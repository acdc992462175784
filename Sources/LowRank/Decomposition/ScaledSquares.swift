// SPDX-License-Identifier: Apache-2.0

/// A sum of squares that neither overflows nor underflows.
package struct ScaledSquares: Sendable {
  private var scale = 0.0
  private var sum = 0.0

  package init() {}

  package mutating func add(_ value: Double) {
    let magnitude = value.magnitude
    guard magnitude > 0 else { return }
    if magnitude > scale {
      let ratio = scale / magnitude
      sum = 1 + sum * ratio * ratio
      scale = magnitude
    } else {
      let ratio = magnitude / scale
      sum += ratio * ratio
    }
  }

  package var norm: Double { scale * sum.squareRoot() }
}
