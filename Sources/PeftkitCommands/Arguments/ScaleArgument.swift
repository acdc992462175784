// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// The value of `--scale`: a factor, and the number of `--adapter` options before it.
///
/// The parser keeps the order of options of one name only, so that `RawArguments` writes the number
/// before the value: `1:0.5`.
struct ScaleArgument: ExpressibleByArgument {
  /// The number of the adapter: 0 is the argument.
  let adapter: Int
  /// The factor; nil for a text that is not a number.
  let factor: Double?
  /// The text as it was given.
  let text: String

  init(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 1)
    let place = parts.count == 2 ? Int(parts[0]) : nil
    adapter = place ?? 0
    text = place == nil ? argument : String(parts[1])
    factor = Double(text)
  }

  /// A value of `--scale` with the number of adapters before it.
  static func placed(_ value: String, after adapters: Int) -> String { "\(adapters):\(value)" }
}
