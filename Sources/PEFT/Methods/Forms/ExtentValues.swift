// SPDX-License-Identifier: Apache-2.0

/// The values of symbols in one module: `r`, `in`, `out`.
public struct ExtentValues: Sendable, ExpressibleByDictionaryLiteral {
  private struct Entry {
    let symbol: String
    var value: Int
    /// Whether a tensor gave the symbol its value.
    var isFromTensor = false
  }

  /// A module has a few symbols, so that a list is faster than a dictionary.
  private var entries: [Entry] = []

  /// Creates values that the config or the base model gives.
  public init(dictionaryLiteral elements: (String, Int)...) {
    for (symbol, value) in elements { self[symbol] = value }
  }

  /// The value of a symbol, if it has one. Setting it is for values of the config and of the base
  /// model.
  public subscript(symbol: String) -> Int? {
    get { entries.first { $0.symbol == symbol }?.value }
    set {
      switch (entries.firstIndex { $0.symbol == symbol }, newValue) {
      case (let place?, let value?): entries[place].value = value
      case (let place?, nil): entries.remove(at: place)
      case (nil, let value?): entries.append(Entry(symbol: symbol, value: value))
      case (nil, nil): break
      }
    }
  }

  /// Gives a symbol the value that a tensor has for it.
  mutating func bind(_ symbol: String, to value: Int) {
    if let place = entries.firstIndex(where: { $0.symbol == symbol }) {
      entries[place] = Entry(symbol: symbol, value: value, isFromTensor: true)
    } else {
      entries.append(Entry(symbol: symbol, value: value, isFromTensor: true))
    }
  }

  /// Whether a tensor gave a symbol its value.
  func isFromTensor(_ symbol: String) -> Bool {
    entries.contains { $0.symbol == symbol && $0.isFromTensor }
  }
}
