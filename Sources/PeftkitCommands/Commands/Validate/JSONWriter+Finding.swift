// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

extension JSONWriter {
  /// Writes a finding (spec/command-line.md L27).
  mutating func finding(_ finding: Finding) {
    beginObject()
    member("severity", finding.severity.rawValue)
    member("code", finding.code.rawValue)
    member("message", finding.message)
    member("key", finding.key)
    member("tensor", finding.tensor?.string)
    key("repairs")
    beginArray()
    for repair in finding.repairs { self.repair(repair) }
    endArray()
    endObject()
  }

  /// Writes a repair: its action, and what it concerns.
  mutating func repair(_ repair: Finding.Repair) {
    beginObject()
    switch repair {
    case .renameTensor(let from, let to):
      member("action", "rename-tensor")
      member("from", from.string)
      member("to", to.string)
    case .removeTensor(let name):
      member("action", "remove-tensor")
      member("tensor", name.string)
    case .removeKey(let key):
      member("action", "remove-key")
      member("key", key)
    case .setKey(let key, let value):
      member("action", "set-key")
      member("key", key)
      self.key("value")
      self.value(value)
    case .setMetadata(let key, let text):
      member("action", "set-metadata")
      member("key", key)
      member("value", text)
    case .writeWeights(let name):
      member("action", "write-weights")
      member("file", name)
    case .removeFile(let name):
      member("action", "remove-file")
      member("file", name)
    case .rewriteIndex:
      member("action", "rewrite-index")
    }
    endObject()
  }
}
