// SPDX-License-Identifier: Apache-2.0

/// An extent of an expected shape: a number, a symbol, or an expression of symbols.
///
/// Extents are written as literals: `["r", "in"]`, `[1, "out"]`, `["experts" * "r", "in"]`,
/// `["r" / "groups"]`. A symbol has one value in a module. It comes from the config, from the base
/// model, or from the first tensor that has it; see ``ExtentValues``.
public struct Extent: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  private indirect enum Kind: Sendable {
    case number(Int)
    case symbol
    case product(Extent, Extent)
    /// An exact quotient: the divisor divides the dividend.
    case quotient(Extent, Extent)
    case derived(minimum: Int, @Sendable (ExtentValues) -> Int?)
  }

  /// The extent in symbols, in the words of the config: `num_tasks`, `experts · r`.
  public let symbol: String
  private let kind: Kind

  private init(_ symbol: String, _ kind: Kind) {
    self.symbol = symbol
    self.kind = kind
  }

  /// An extent whose value is known when the shape is described; with nil, only the values of the
  /// module or the other tensors tell it.
  public init(_ symbol: String, value: Int?) {
    self.init(symbol, value.map { .number($0) } ?? .symbol)
  }

  /// An extent that follows from other symbols: `Extent("⌈in / b⌉") { … }`.
  ///
  /// - Parameters:
  ///   - symbol: the text of the extent in messages.
  ///   - minimum: the smallest extent that a tensor may have where the value is unknown; 0 if a tensor
  ///     without elements is as it should be.
  ///   - value: computes the extent, or returns nil while it needs a symbol that is unknown.
  ///     Symbols come from files: the computation must not trap or overflow.
  public init(
    _ symbol: String, minimum: Int = 1, value: @escaping @Sendable (ExtentValues) -> Int?
  ) {
    self.init(symbol, .derived(minimum: minimum, value))
  }

  public init(stringLiteral symbol: String) {
    self.init(symbol, .symbol)
  }

  public init(integerLiteral number: Int) {
    self.init(String(number), .number(number))
  }

  /// The product of two extents.
  public static func * (left: Self, right: Self) -> Self {
    Self("\(left.symbol) · \(right.symbol)", .product(left, right))
  }

  /// The quotient of two extents, the second of which divides the first.
  public static func / (left: Self, right: Self) -> Self {
    Self("\(left.symbol) / \(right.symbol)", .quotient(left, right))
  }
}

extension Extent {
  /// The value, as far as the symbols have one; nil also for one beyond 63 bits.
  public func value(in values: ExtentValues) -> Int? {
    switch kind {
    case .number(let number): number
    case .symbol: values[symbol]
    case .product(let left, let right):
      left.value(in: values).flatMap { left in
        right.value(in: values).flatMap { right in
          let (product, overflow) = left.multipliedReportingOverflow(by: right)
          return overflow ? nil : product
        }
      } ?? values[symbol]
    case .quotient(let left, let right):
      left.value(in: values).flatMap { left in
        right.value(in: values).flatMap { Self.quotient(left, $0) }
      } ?? values[symbol]
    case .derived(_, let compute): compute(values) ?? values[symbol]
    }
  }

  /// The smallest value that a tensor may give to the extent.
  private var minimum: Int {
    if case .derived(let minimum, _) = kind { minimum } else { 1 }
  }

  /// Whether an extent of a tensor is this one, as far as values are known. Symbols without a value
  /// that follow from it get one.
  func accepts(_ actual: Int, in values: inout ExtentValues) -> Bool {
    if let value = value(in: values) { return value == actual }
    guard actual >= minimum else { return false }
    switch kind {
    case .number: return false
    case .product(let left, let right):
      let (known, unknown) = left.value(in: values) == nil ? (right, left) : (left, right)
      if let factor = known.value(in: values) {
        return Self.quotient(actual, factor).map { unknown.accepts($0, in: &values) } ?? false
      }
    case .quotient(let left, let right):
      if let dividend = left.value(in: values) {
        return Self.quotient(dividend, actual).map { right.accepts($0, in: &values) } ?? false
      }
      if let divisor = right.value(in: values) {
        let (dividend, overflow) = divisor.multipliedReportingOverflow(by: actual)
        return !overflow && left.accepts(dividend, in: &values)
      }
    case .symbol, .derived: break
    }
    values.bind(symbol, to: actual)
    return true
  }

  /// An exact quotient; nil where there is none.
  private static func quotient(_ dividend: Int, _ divisor: Int) -> Int? {
    guard divisor >= 1, dividend % divisor == 0 else { return nil }
    return dividend / divisor
  }
}
