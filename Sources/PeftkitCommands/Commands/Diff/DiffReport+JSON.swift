// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Conversion
internal import Files
internal import JSONDocument
internal import Kernels
internal import PEFT
internal import Tensors

extension DiffReport {
  /// The schema is in spec/command-line.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.side("a", a)
    output.writer.side("b", b)
    output.writer.member("same", isSame)
    output.writer.key("config")
    if let config {
      try output.changes(config, reordered: reordered) { writer, value in writer.value(value) }
    } else {
      output.writer.null()
    }
    output.writer.key("metadata")
    try output.changes(tensors.metadata) { writer, value in writer.string(value) }
    output.writer.key("tensors")
    try output.tensors(tensors)
    output.writer.key("not_compared")
    output.writer.beginArray()
    for (side, items) in [("a", tensors.leftSkipped), ("b", tensors.rightSkipped)] {
      for item in items { try output.skipped(item, in: side) }
    }
    output.writer.endArray()
    output.writer.endObject()
  }
}

extension JSONOutput {
  fileprivate mutating func changes<Value>(
    _ changes: [KeyChange<Value>], reordered: [PatternOrderChange]? = nil,
    write: (inout JSONWriter, Value) -> Void
  ) throws(CheckpointError) {
    writer.beginObject()
    writer.key("added")
    writer.beginArray()
    for change in changes where change.left == nil {
      try member(change.key, [("value", change.right)], write)
    }
    writer.endArray()
    writer.key("removed")
    writer.beginArray()
    for change in changes where change.right == nil {
      try member(change.key, [("value", change.left)], write)
    }
    writer.endArray()
    writer.key("changed")
    writer.beginArray()
    for change in changes where change.left != nil && change.right != nil {
      try member(change.key, [("a", change.left), ("b", change.right)], write)
    }
    writer.endArray()
    if let reordered { try self.reordered(reordered) }
    writer.endObject()
  }

  private mutating func reordered(_ changes: [PatternOrderChange]) throws(CheckpointError) {
    writer.key("reordered")
    writer.beginArray()
    for change in changes {
      writer.beginObject()
      writer.member("key", change.key)
      writer.key("modules")
      writer.beginArray()
      for module in change.modules {
        writer.beginObject()
        writer.member("name", module.name)
        writer.key("a")
        writer.value(module.left ?? .null)
        writer.key("b")
        writer.value(module.right ?? .null)
        writer.endObject()
        try flushIfLarge()
      }
      writer.endArray()
      writer.endObject()
    }
    writer.endArray()
  }

  private mutating func member<Value>(
    _ key: UTF8Text, _ values: [(String, Value?)], _ write: (inout JSONWriter, Value) -> Void
  ) throws(CheckpointError) {
    writer.beginObject()
    writer.member("key", key.string)
    for (name, value) in values {
      guard let value else { continue }
      writer.key(name)
      write(&writer, value)
    }
    writer.endObject()
    try flushIfLarge()
  }

  fileprivate mutating func tensors(
    _ comparison: CheckpointComparison
  ) throws(CheckpointError) {
    writer.beginObject()
    writer.member("same_count", comparison.sameCount)
    for (key, list) in [("added", comparison.added), ("removed", comparison.removed)] {
      writer.key(key)
      writer.beginArray()
      for tensor in list {
        writer.beginObject()
        writer.member("name", tensor.name.string)
        writer.description(of: tensor)
        writer.endObject()
        try flushIfLarge()
      }
      writer.endArray()
    }
    writer.key("changed")
    writer.beginArray()
    for change in comparison.changed {
      writer.change(change)
      try flushIfLarge()
    }
    writer.endArray()
    writer.endObject()
  }

  fileprivate mutating func skipped(
    _ item: SkippedItem, in side: String
  ) throws(CheckpointError) {
    writer.beginObject()
    writer.member("in", side)
    writer.member("name", item.name.string)
    writer.member("type", item.type)
    writer.member("is_tensor", item.isTensor)
    writer.endObject()
    try flushIfLarge()
  }
}

extension JSONWriter {
  fileprivate mutating func side(_ key: String, _ side: DiffReport.Side) {
    self.key(key)
    beginObject()
    member("path", side.path)
    member("kind", side.checkpoint.kind.rawValue)
    member("format", side.checkpoint.archive.variant.name)
    endObject()
  }

  fileprivate mutating func description(of tensor: TensorInfo) {
    member("dtype", tensor.dtype.name)
    key("shape")
    integers(tensor.shape.dimensions)
    member("byte_count", tensor.byteCount)
  }

  fileprivate mutating func change(_ change: TensorChange) {
    let elements = change.elements
    beginObject()
    member("name", change.name.string)
    for (side, tensor) in [("a", change.left), ("b", change.right)] {
      key(side)
      beginObject()
      description(of: tensor)
      endObject()
    }
    member("element_count", elements == nil ? nil : change.comparedCount)
    member("different_count", elements?.differentCount)
    member("unequal_count", elements?.unequalCount)
    member("nan_count", elements?.unequalCount == nil ? nil : elements?.nanCount)
    key("largest_ulp_distance")
    if let largest = elements?.largestULPDistance { integer(largest.value) } else { null() }
    position("largest_ulp_position", elements?.largestULPDistance?.index, in: change)
    key("largest_absolute_difference")
    if let largest = elements?.largestInteger {
      integer(largest.value)
    } else if let largest = elements?.largestAbsolute {
      float(largest.value)
    } else {
      null()
    }
    let absolute = elements?.largestInteger?.index ?? elements?.largestAbsolute?.index
    position("largest_absolute_position", absolute, in: change)
    member("largest_relative_difference", elements?.largestRelative?.value)
    position("largest_relative_position", elements?.largestRelative?.index, in: change)
    endObject()
  }

  private mutating func position(_ key: String, _ index: Int?, in change: TensorChange) {
    self.key(key)
    if let index { integers(change.position(of: index)) } else { null() }
  }
}
