// SPDX-License-Identifier: Apache-2.0
extension BinaryInteger {
  /// The number with a noun and a verb that agree with it, for messages: `1 byte follows`, `2 bytes
  /// follow`.
  ///
  /// - Parameters:
  ///   - noun: the noun in the singular.
  ///   - verb: the verb in the plural, without an `s`.
  package func counting(_ noun: String, _ verb: String) -> String {
    self == 1 ? "1 \(noun) \(verb)s" : "\(self) \(noun)s \(verb)"
  }
}
