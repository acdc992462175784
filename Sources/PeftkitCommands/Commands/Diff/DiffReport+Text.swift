// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Conversion
internal import Files
internal import JSONDocument
internal import Kernels
internal import PEFT
internal import Tensors

extension DiffReport {
  /// The two sides, tables of the differences, and the verdict.
  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    output.line("a: \(a.path.printable) (\(a.checkpoint.archive.variant.name))")
    output.line("b: \(b.path.printable) (\(b.checkpoint.archive.variant.name))")
    if let config {
      add(config, title: "config", to: &output) { $0.description.excerpt }
      addReordered(to: &output)
    }
    add(tensors.metadata, title: "metadata (does not count)", to: &output) { $0.excerpt }
    addTensors(to: &output)
    addSkipped(to: &output)
    output.line()
    if isSame {
      output.line("\(output.styled("same:", .green)) \(sizes)")
    } else {
      output.line("\(output.styled("differs:", .red)) \(differences)")
    }
    if (a.config == nil) != (b.config == nil) {
      let (name, side) = a.config == nil ? ("a", a) : ("b", b)
      output.line("the config is not compared: \(name) is a \(side.checkpoint.kind.rawValue)")
    }
  }

  private func add<Value>(
    _ changes: [KeyChange<Value>], title: String, to output: inout TextOutput,
    text: (Value) -> String
  ) {
    guard !changes.isEmpty else { return }
    output.line()
    output.line(output.styled(title, .bold))
    var table = Table([("key", .name), ("change", .left), ("a", .name), ("b", .name)])
    for change in changes {
      let kind = change.left == nil ? "added" : change.right == nil ? "removed" : "changed"
      table.add([
        change.key.printable, kind, change.left.map(text) ?? "-", change.right.map(text) ?? "-",
      ])
    }
    output.table(table)
  }

  /// The modules to which the order of the keys gives another value.
  private func addReordered(to output: inout TextOutput) {
    for change in reordered {
      output.line()
      output.line(output.styled("order of the keys in \(change.key.printable)", .bold))
      guard !change.modules.isEmpty else {
        output.line(
          "  differs, and may give modules other values: PEFT takes the first key that matches")
        continue
      }
      var table = Table([("module", .name), ("a", .left), ("b", .left)])
      for module in change.modules {
        table.add([
          module.name.printable, module.left?.description.excerpt ?? "-",
          module.right?.description.excerpt ?? "-",
        ])
      }
      output.table(table)
    }
  }

  private func addSkipped(to output: inout TextOutput) {
    let sides = [("a", tensors.leftSkipped), ("b", tensors.rightSkipped)]
    guard sides.contains(where: { !$0.1.isEmpty }) else { return }
    output.line()
    output.line(output.styled("not compared", .bold))
    var table = Table([("name", .name), ("in", .left), ("type", .name)])
    for (side, items) in sides {
      for item in items { table.add([item.name.printable, side, item.type.printable]) }
    }
    output.table(table)
  }

  private var sizes: String {
    let count = Sizes.count(tensors.sameCount, "tensor")
    return config == nil ? count : "\(count) and the config"
  }

  private var differences: String {
    var parts: [String] = []
    for (count, what) in [
      (tensors.changed.count, "changed"), (tensors.added.count, "added"),
      (tensors.removed.count, "removed"),
    ] where count > 0 {
      parts.append("\(Sizes.count(count, "tensor")) \(what)")
    }
    let keyCount = (config?.count ?? 0) + reordered.count
    if keyCount > 0 { parts.append(Sizes.count(keyCount, "config key")) }
    return parts.joined(separator: ", ") + "; "
      + Sizes.count(tensors.sameCount, "tensor") + " the same"
  }
}

extension DiffReport {
  private func addTensors(to output: inout TextOutput) {
    guard !tensors.isSame else { return }
    output.line()
    output.line(output.styled("tensors", .bold))
    var table = Table([
      ("name", .name), ("change", .left), ("dtype", .left), ("shape", .left),
      ("different", .right), ("max ULP", .right), ("max abs", .right), ("at", .left),
      ("max rel", .right),
    ])
    let none = [String](repeating: "-", count: 5)
    for (change, list) in [("removed", tensors.removed), ("added", tensors.added)] {
      for tensor in list {
        table.add(
          [tensor.name.printable, change, tensor.dtype.name, tensor.shape.description] + none)
      }
    }
    for change in tensors.changed {
      let (left, right) = (change.left, change.right)
      let dtype = left.dtype == right.dtype ? left.dtype.name : "\(left.dtype) → \(right.dtype)"
      let shape =
        left.shape == right.shape ? left.shape.description : "\(left.shape) → \(right.shape)"
      table.add([left.name.printable, "changed", dtype, shape] + (cells(of: change) ?? none))
    }
    output.table(table)
    for change in tensors.changed { addDetails(of: change, to: &output) }
  }

  private func cells(of change: TensorChange) -> [String]? {
    guard let elements = change.elements else { return nil }
    let of =
      "of \(Sizes.count(change.comparedCount))" + (change.left.dtype.isQuantized ? " blocks" : "")
    let different: String
    if let count = elements.differentCount {
      let isEqual = count > 0 && elements.unequalCount == 0
      different = "\(Sizes.count(count)) \(of)" + (isEqual ? ", values equal" : "")
    } else {
      different = "\(Sizes.count(elements.unequalCount ?? 0)) \(of) values"
    }
    let absolute =
      elements.largestInteger.map { String($0.value) }
      ?? elements.largestAbsolute.map { Sizes.scientific($0.value) }
    let index = elements.largestInteger?.index ?? elements.largestAbsolute?.index
    return [
      different,
      elements.largestULPDistance.map { String($0.value) } ?? "-",
      absolute ?? "-",
      index.map { Shape(change.position(of: $0)).description } ?? "-",
      elements.largestRelative.map { Sizes.scientific($0.value) } ?? "-",
    ]
  }

  private func addDetails(of change: TensorChange, to output: inout TextOutput) {
    guard let elements = change.elements else { return }
    let name = change.name.printable
    if elements.unequalCount == nil {
      output.line("\(name): the values of \(change.left.dtype) are not compared, only their bits")
    }
    if let different = elements.differentCount, let unequal = elements.unequalCount, unequal > 0,
      different > unequal
    {
      output.line("\(name): \(Sizes.count(different - unequal)) of them equal as values")
    }
    if elements.nanCount > 0 {
      output.line("\(name): \(Sizes.count(elements.nanCount, "element")) NaN on one side only")
    }
  }
}
