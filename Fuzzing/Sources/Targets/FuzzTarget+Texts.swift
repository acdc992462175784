// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import JSONDocument
@testable internal import PEFT
internal import Tensors

extension FuzzTarget {
  /// Files of text.
  static let texts: [FuzzTarget] = [
    FuzzTarget(name: "json") { bytes in
      guard let value = try? JSONValue(parsing: bytes) else { return }
      for style in [JSONStyle.python(), .python(indent: 0, sortedKeys: false)] {
        let text = value.encoded(style)
        guard let again = try? JSONValue(parsing: text) else {
          fatalError("what is written is refused")
        }
        require(again.encoded(style) == text, "is written otherwise after reading")
      }
      require((try? JSONValue(parsing: value.encoded(.compact))) != nil, "compact JSON is refused")
      require((try? JSONValue(parsing: value.encoded(.pretty))) != nil, "pretty JSON is refused")
    },
    FuzzTarget(name: "config") { bytes in
      guard let config = try? AdapterConfig(parsing: bytes) else { return }
      let text = config.encoded()
      guard let again = try? AdapterConfig(parsing: text) else {
        fatalError("what is written is refused")
      }
      require(again.encoded() == text, "is written otherwise after reading")
      require(
        (try? AdapterConfig(parsing: config.encodedKeepingPatternOrder())) != nil, "is refused")
      for finding in config.findings() {
        require(!finding.message.isEmpty, "a finding says nothing")
      }
    },
    FuzzTarget(name: "shard-index") { bytes in
      guard let index = try? ShardIndex(parsing: bytes) else { return }
      let text = index.encoded()
      guard let again = try? ShardIndex(parsing: text) else {
        fatalError("what is written is refused")
      }
      require(again.encoded() == text, "is written otherwise after reading")
    },
  ]
}
