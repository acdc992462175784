// SPDX-License-Identifier: Apache-2.0

/// The blocks of an OFT adapter: the config gives their size or number, which PEFT adjusts to the
/// nearest divisor of a module's inputs.
struct OFTBlocks: Sendable {
  private let size: Int
  private let count: Int
  private let isShared: Bool

  /// Reads a config. Releases differ in the defaults, and each writes both keys.
  init(_ config: AdapterConfig) {
    size = config.integer("oft_block_size", default: nil) ?? 0
    count = config.integer("r", default: nil) ?? 0
    isShared = config.flag("block_share", default: false)
  }

  /// The form of a layer whose rotation has `inputs` rows.
  func form(_ layer: LayerKind, _ name: String, inputs: Extent) -> ModuleForm {
    let rows: Extent =
      isShared
      ? 1 : Extent("blocks") { inputs.value(in: $0).flatMap { blocks(of: $0) }?.count }
    let elements = Extent("b (b - 1) / 2") {
      inputs.value(in: $0).flatMap { blocks(of: $0) }.map { Self.triangle($0.size) }
    }
    return ModuleForm(layer, tensors: [.init(name, [rows, elements], untrained: .zeros)]) {
      values in
      guard let elements = elements.value(in: values) else { return nil }
      guard let size = Self.side(of: elements) else { return false }
      guard let rows = rows.value(in: values), !isShared else { return nil }
      let (inputs, overflow) = rows.multipliedReportingOverflow(by: size)
      return overflow ? nil : blocks(of: inputs).map { $0.size == size }
    }
  }

  /// The most inputs whose divisors are looked for, which bounds the steps.
  private static let largestExtent = 1 << 24

  /// The blocks of a module.
  private func blocks(of inputs: Int) -> (count: Int, size: Int)? {
    guard (1...Self.largestExtent).contains(inputs) else { return nil }
    if count == 0 && size > 0 {
      let size = Self.nearestDivisor(of: inputs, to: size)
      return (inputs / size, size)
    }
    guard size == 0 && count > 0 else { return nil }
    let count = Self.nearestDivisor(of: inputs, to: count)
    return (count, inputs / count)
  }

  /// The divisor that is nearest to a number; of two, the smaller.
  ///
  /// - Complexity: O(√value), bounded.
  private static func nearestDivisor(of value: Int, to number: Int) -> Int {
    guard number < value else { return value }
    var lower = 1, upper = value, divisor = 1
    while divisor <= value / divisor {
      if value % divisor == 0 {
        for candidate in [divisor, value / divisor] {
          if candidate <= number { lower = max(lower, candidate) }
          if candidate >= number { upper = min(upper, candidate) }
        }
      }
      divisor += 1
    }
    return number - lower <= upper - number ? lower : upper
  }

  /// The elements above the diagonal of a square; `side` is at most `largestExtent`.
  private static func triangle(_ side: Int) -> Int { side * (side - 1) / 2 }

  /// The side of a square with so many elements above its diagonal, if there is one.
  private static func side(of elements: Int) -> Int? {
    guard (0...triangle(largestExtent)).contains(elements) else { return nil }
    let side = Int((1 + Double(8 * elements + 1).squareRoot()) / 2)
    return [side - 1, side, side + 1].first { $0 >= 1 && triangle($0) == elements }
  }
}
