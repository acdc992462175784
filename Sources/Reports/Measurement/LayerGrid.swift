// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import Tensors

/// The figures of the modules of one stack of layers, by the name in the layer and the layer.
struct LayerGrid: Sendable {
  /// The figures of one module.
  struct Entry: Sendable {
    /// The name of the module.
    let name: String
    /// A norm, of which a cell has the norm of all together.
    let norm: Double?
    /// Another figure, of which a cell has the mean.
    let figure: Double?
  }

  /// The name of the stack: `model.layers`.
  let stack: String
  /// The names in the layers, in the order of their first modules: `self_attn.q_proj`.
  let kinds: [String]
  /// The layers of each column: one, or several where there are too many.
  let columns: [ClosedRange<Int>]
  /// The norm of all changes of a cell together; nil for none.
  let norms: [[Double?]]
  /// The mean of the other figures of a cell; nil for none.
  let means: [[Double?]]
  /// The number of names in the layers that are left out.
  let omittedKinds: Int

  /// The labels of the columns.
  var columnLabels: [String] {
    columns.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
  }

  /// The norm of each column's changes together.
  var profile: [Double?] {
    columns.indices.map { column in
      let values = norms.compactMap { $0[column] }
      guard !values.isEmpty else { return nil }
      var squares = ScaledSquares()
      for value in values { squares.add(value) }
      return squares.norm
    }
  }
}

/// The name of a module in a numbered layer.
private struct LayerName {
  let stack: String
  let layer: Int
  let kind: [Substring]

  /// Splits a name at its first number; nil for a name without one.
  init?(_ name: String) {
    let components = name.components
    guard let place = components.firstIndex(where: \.isNumber), place > 0,
      let layer = Int(components[place])
    else { return nil }
    stack = components[..<place].dotted
    self.layer = layer
    kind = Array(components[(place + 1)...])
  }
}

extension LayerGrid {
  private struct Cell {
    var squares = ScaledSquares()
    var normCount = 0
    var sum = 0.0
    var count = 0

    mutating func add(_ entry: Entry) {
      if let norm = entry.norm, norm.isFinite {
        squares.add(norm)
        normCount += 1
      }
      if let figure = entry.figure, figure.isFinite {
        sum += figure
        count += 1
      }
    }
  }

  /// Sorts modules by stack, those with the most modules first.
  ///
  /// - Complexity: O(modules · log modules).
  static func grids(of modules: [Entry]) -> [LayerGrid] {
    var stacks: [TensorName: [(name: LayerName, entry: Entry)]] = [:]
    var order: [TensorName] = []
    for module in modules {
      guard let name = LayerName(module.name) else { continue }
      let key = TensorName(name.stack)
      if stacks[key] == nil { order.append(key) }
      stacks[key, default: []].append((name, module))
    }
    return order.enumerated().sorted { left, right in
      let (first, second) = (stacks[left.element]?.count ?? 0, stacks[right.element]?.count ?? 0)
      return first == second ? left.offset < right.offset : first > second
    }.map { LayerGrid(stack: $0.element.string, stacks[$0.element] ?? []) }
  }

  private init(stack: String, _ modules: [(name: LayerName, entry: Entry)]) {
    self.stack = stack
    // Experts are many modules of one kind; two attentions of a layer are two kinds.
    let exact = Set(modules.map { TensorName($0.name.kind.dotted) })
    let keepsNumbers = exact.count <= ReportLimits.mapRows
    var kinds: [String] = []
    var rows: [TensorName: Int] = [:]
    let columns = Self.columns(of: Set(modules.map(\.name.layer)).sorted())
    var cells: [[Cell]] = []
    for (name, entry) in modules {
      let kind =
        keepsNumbers ? name.kind.dotted.excerpt : TensorKinds.numberless(name.kind[...])
      let key = TensorName(kind)
      let row = rows[key] ?? kinds.count
      if row == kinds.count {
        rows[key] = row
        kinds.append(kind.isEmpty ? "(the layer)" : kind)
        if row < ReportLimits.mapRows {
          cells.append(Array(repeating: Cell(), count: columns.count))
        }
      }
      guard row < cells.count,
        let column = Self.column(of: name.layer, in: columns)
      else { continue }
      cells[row][column].add(entry)
    }
    omittedKinds = max(0, kinds.count - ReportLimits.mapRows)
    self.columns = columns
    let order = ModuleKindOrder.sorted(kinds.prefix(ReportLimits.mapRows))
    self.kinds = order.map { kinds[$0] }
    cells = order.map { cells[$0] }
    norms = cells.map { row in row.map { $0.normCount > 0 ? $0.squares.norm : nil } }
    means = cells.map { row in row.map { $0.count > 0 ? $0.sum / Double($0.count) : nil } }
  }

  /// Columns of as many layers as it takes to keep them few.
  private static func columns(of layers: [Int]) -> [ClosedRange<Int>] {
    let size = (layers.count - 1) / ReportLimits.mapColumns + 1
    return stride(from: 0, to: layers.count, by: size).map { start in
      layers[start]...layers[min(start + size, layers.count) - 1]
    }
  }

  /// The column of a layer.
  ///
  /// - Complexity: O(log columns).
  private static func column(of layer: Int, in columns: [ClosedRange<Int>]) -> Int? {
    var (low, high) = (0, columns.count)
    while low < high {
      let middle = (low + high) / 2
      if columns[middle].upperBound < layer { low = middle + 1 } else { high = middle }
    }
    return low < columns.count && columns[low].contains(layer) ? low : nil
  }
}
