// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

extension JSONWriter {
  /// Writes what becomes of each module, and of each tensor (spec/command-line.md L27).
  mutating func binding(_ binding: Binding) {
    beginObject()
    member("class", binding.className)
    key("modules")
    beginArray()
    for module in binding.modules {
      beginObject()
      member("name", module.name)
      member("state", module.state.rawValue)
      member("saved", module.isSaved)
      names("tensors", module.tensors)
      names("missing", module.missing)
      endObject()
    }
    endArray()
    names("bound", binding.bound)
    names("dead", binding.dead)
    names("missing", binding.missing)
    endObject()
  }

  private mutating func names(_ key: String, _ names: [TensorName]) {
    self.key(key)
    beginArray()
    for name in names { value(.string(name.string)) }
    endArray()
  }
}

extension TextOutput {
  /// Adds a table of the kinds of modules, and how many of each are bound.
  mutating func binding(_ binding: Binding) throws(CheckpointError) {
    guard !binding.kinds.isEmpty else { return }
    var table = Table(alignments: [.name, .right, .left])
    for kind in binding.kinds {
      for state in Binding.State.allCases {
        guard let count = kind.counts[state] else { continue }
        let name = kind.isSaved && state == .bound ? "saved" : state.rawValue
        table.add([kind.name.printable, String(count), name])
      }
    }
    self.table(table)
    try flushIfLarge()
  }
}
