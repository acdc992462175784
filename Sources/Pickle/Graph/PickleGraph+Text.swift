// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension PickleGraph {
  /// A value as text; nil for other values, and for text with a lone surrogate.
  package func string(_ value: PickleValue) -> String? {
    switch value.kind {
    case .text(let range):
      return String(utf8: bytes(range).span)
    case .escapedText(let range):
      guard let units = PickleText.unescaped(bytes(range)) else { return nil }
      return String(utf8: units.span)
    default:
      return nil
    }
  }

  /// Whether a value equals this text.
  package func isText(_ value: PickleValue, _ text: String) -> Bool {
    switch value.kind {
    case .text(let range): bytes(range).elementsEqual(text.utf8)
    case .escapedText(let range): bytes(range).elementsEqual(text.utf8)
    default: false
    }
  }
}
