// SPDX-License-Identifier: Apache-2.0

/// The values of symbols in one module: `r`, `in`, `out`.
public struct ExtentValues: Sendable, ExpressibleByDictionaryLiteral {
  private var values: [String: Int] = [:]
  /// The symbols that only tensors gave a value.
  private var symbolsOfTensors: Set<String> = []

  /// Creates values that the config or the base model gives.
  public init(dictionaryLiteral elements: (String, Int)...) {
    for (symbol, value) in elements { values[symbol] = value }
  }

  /// The value of a symbol, if it has one. Setting it is for values of the config and of the base
  /// model.
  public subscript(symbol: String) -> Int? {
    get { values[symbol] }
    set { values[symbol] = newValue }
  }

  /// Gives a symbol the value that a tensor has for it.
  mutating func bind(_ symbol: String, to value: Int) {
    values[symbol] = value
    symbolsOfTensors.insert(symbol)
  }

  /// Whether a tensor gave a symbol its value.
  func isFromTensor(_ symbol: String) -> Bool { symbolsOfTensors.contains(symbol) }
}
