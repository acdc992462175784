// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The values that a pickle describes: nodes that refer to each other by index, and ranges of the
/// pickle's own bytes.
package struct PickleGraph: Sendable {
  /// A value with parts.
  package struct Node: BitwiseCopyable, Sendable {
    package enum Kind: UInt8, BitwiseCopyable, Sendable {
      case tuple, list, dict, set
      /// The result of a call; its only part is the tuple of arguments.
      case call
      /// An instance of a class, or what a call of a name outside the table would give. It has the
      /// parts of `PickledObject`.
      case object
      /// The storage or tensor that a persistent id names; the id is its only part.
      case persistent
    }

    /// Properties of a node, beside its parts.
    package struct Flags: OptionSet, BitwiseCopyable, Sendable {
      package let rawValue: UInt8

      package init(rawValue: UInt8) { self.rawValue = rawValue }

      /// A walk is inside the node: if it meets the node again, there is a cycle.
      package static let isOpen = Flags(rawValue: 1)
      /// A tuple contains a class or function, so that it can only be an argument.
      static let containsGlobal = Flags(rawValue: 2)
      /// A dict has a key that is not text, or that starts with `__`.
      static let hasSpecialKeys = Flags(rawValue: 4)
      /// A list has an item that is not a tuple or list of two.
      static let hasOtherThanPairs = Flags(rawValue: 8)
      /// BUILD has given an object its state.
      package static let hasState = Flags(rawValue: 16)
      /// A walk has been inside the node.
      package static let isSeen = Flags(rawValue: 32)
      /// A tensor has a name.
      package static let isNamed = Flags(rawValue: 64)
    }

    package var kind: Kind
    package var flags: Flags = []
    /// The type that the items of a list, tuple or set have in common, or the values of a dict.
    package var contents = ContentsType.empty
    /// The name that made it: the function of a call, `OrderedDict` for an ordered dict, the class of
    /// an object; its role is `inert` for an object of a name outside the table.
    package var name: AllowedGlobal
    /// The index of the first part; for a node that can grow, that of the first run of parts.
    package var start: UInt32
    /// The number of parts; a dict has two for each entry.
    package var count: UInt32 = 0
    /// The index of the last run, for a node that can grow.
    package var lastRun: UInt32 = 0
    /// The offset in the pickle of the opcode that made it.
    package var offset: UInt32

    /// Whether it is a NumPy array.
    package var isArray: Bool {
      kind == .object && (name.role == .arrayReconstructor || name.role == .arrayFromBuffer)
    }
  }

  /// Consecutive parts of a node.
  package struct Run: BitwiseCopyable, Sendable {
    /// The index of the first part; `noRun` for numbers that are counted and not kept.
    package var start: UInt32
    package var count: UInt32
    package var next: UInt32
  }

  package static let noRun = UInt32.max

  /// Bytes that contain the pickle, its start in them, and the offset of its start in the file. Of a
  /// pickle that is read in pieces, they are those of text and bytes only.
  package private(set) var source: [UInt8]
  package let sourceStart: Int
  private let isInPieces: Bool
  package let baseOffset: Int

  package var nodes = PagedArray<Node>()
  package var parts = PagedArray<PickleValue>()
  package var runs = PagedArray<Run>()
  /// The nodes of persistent ids, in the order of the pickle.
  package var persistentNodes = PagedArray<UInt32>()
  /// The nodes of NumPy arrays, in the order of the pickle.
  package var arrayNodes = PagedArray<UInt32>()
  /// The names that are not in the table, and names of the table where no checkpoint has them. Nothing
  /// is known about them.
  package private(set) var foreignNames: [QualifiedName] = []
  private var foreignPlaces: [QualifiedName: Int] = [:]
  /// The error for the first request to run code, with which a strict reader refuses the pickle; nil
  /// when there is none, so that the pickle is data only.
  package var codeRequest: CheckpointError?
  /// The first opcode or name for which torch refuses the pickle with `weights_only`; nil for none.
  package var weightsOnlyRefusal: String?
  /// The attributes that BUILD sets on ordered dicts.
  package var states = PagedArray<PickleValue>()
  /// The bytes of the last number that was too large for a value.
  package var lastNumber: Range<Int>?
  /// The value of the whole pickle.
  package var root = PickleValue.none

  /// - Parameters:
  ///   - source: bytes that contain the pickle.
  ///   - sourceStart: the start of the pickle in them.
  ///   - baseOffset: the offset of the pickle in the file.
  package init(source: [UInt8], sourceStart: Int, baseOffset: Int) {
    self.source = source
    self.sourceStart = sourceStart
    self.baseOffset = baseOffset
    isInPieces = false
  }

  /// The graph of a pickle that is read in pieces.
  ///
  /// - Parameters:
  ///   - baseOffset: the offset of the pickle in the file.
  ///   - byteCount: its size in bytes, so that its text never moves; only what is kept takes memory.
  init(inPiecesFrom baseOffset: Int, byteCount: Int) {
    source = []
    source.reserveCapacity(byteCount)
    sourceStart = 0
    self.baseOffset = baseOffset
    isInPieces = true
  }

  /// Keeps bytes of a piece, and gives their place.
  mutating func keep(_ bytes: ArraySlice<UInt8>) -> Range<Int> {
    let start = source.count
    source += bytes
    return start..<source.count
  }

  /// Drops the bytes that were kept last.
  mutating func drop(from start: Int) { source.removeSubrange(start...) }

  /// The memory of the graph, in bytes.
  package var byteCount: Int {
    nodes.count * MemoryLayout<Node>.stride + parts.count * 8 + states.count * 8
      + runs.count * MemoryLayout<Run>.stride + (persistentNodes.count + arrayNodes.count) * 4
      + foreignByteCount
  }

  /// The memory of the names outside the table, in bytes.
  private var foreignByteCount = 0

  /// The index of a name outside the table, which is added unless it is there.
  mutating func foreignIndex(of name: QualifiedName) -> Int {
    if let index = foreignPlaces[name] { return index }
    foreignPlaces[name] = foreignNames.count
    foreignNames.append(name)
    foreignByteCount += 200 + 2 * (name.module.utf8.count + name.name.utf8.count)
    return foreignNames.count - 1
  }

  /// The offset of a node in the file.
  package func offset(of node: Int) -> Int { baseOffset + Int(nodes[node].offset) }

  /// The offset of a value in the file; nil for small values, which are not stored.
  package func offset(of value: PickleValue) -> Int? {
    switch value.kind {
    case .node(let index): offset(of: index)
    case .text(let range), .escapedText(let range), .bytes(let range):
      isInPieces ? nil : baseOffset + range.lowerBound
    default: nil
    }
  }

  /// The bytes of a range of the pickle.
  package func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> {
    source[sourceStart + range.lowerBound..<sourceStart + range.upperBound]
  }
}

extension PickleGraph {
  /// A part of a tuple, or the only part of a call, object or persistent id.
  package func part(_ index: Int, of node: Int) -> PickleValue {
    precondition(index >= 0 && index < nodes[node].count, "the index of a part is out of range")
    return parts[Int(nodes[node].start) + index]
  }

  /// The parts of a tuple; nil for another value.
  package func tuple(_ value: PickleValue) -> (node: Int, count: Int)? {
    guard let node = value.node, nodes[node].kind == .tuple else { return nil }
    return (node, Int(nodes[node].count))
  }

  /// All parts of a node, in order.
  package func allParts(of node: Int) -> [PickleValue] {
    var cursor = PartCursor(self, node)
    var all: [PickleValue] = []
    all.reserveCapacity(Int(nodes[node].count))
    while let value = cursor.next(in: self) { all.append(value) }
    return all
  }

  /// Appends parts to a node that can grow.
  package mutating func grow(_ node: Int, by new: ArraySlice<PickleValue>) {
    guard !new.isEmpty else { return }
    let start = UInt32(parts.count)
    for value in new { parts.append(value) }
    let count = UInt32(new.count)
    let last = nodes[node].lastRun
    nodes[node].count += count
    if nodes[node].start != Self.noRun {
      let run = runs[Int(last)]
      if run.start != Self.noRun, run.start + run.count == start {
        runs[Int(last)].count += count
        return
      }
    }
    let added = UInt32(runs.append(Run(start: start, count: count, next: Self.noRun)))
    if nodes[node].start == Self.noRun {
      nodes[node].start = added
    } else {
      runs[Int(last)].next = added
    }
    nodes[node].lastRun = added
  }
}

extension PickleGraph {
  /// Appends numbers to a list or set, without keeping them.
  mutating func count(_ number: Int, in node: Int) {
    let number = UInt32(number)
    let last = nodes[node].lastRun
    nodes[node].count += number
    if nodes[node].start != Self.noRun, runs[Int(last)].start == Self.noRun {
      runs[Int(last)].count += number
      return
    }
    let added = UInt32(runs.append(Run(start: Self.noRun, count: number, next: Self.noRun)))
    if nodes[node].start == Self.noRun {
      nodes[node].start = added
    } else {
      runs[Int(last)].next = added
    }
    nodes[node].lastRun = added
  }
}

/// A position among the parts of a node.
package struct PartCursor: Sendable {
  private var run: UInt32
  private var position: UInt32
  private var left: UInt32

  /// A position after the last part of any node.
  package static var end: Self { Self() }

  private init() {
    (run, position, left) = (PickleGraph.noRun, 0, 0)
  }

  /// Starts at the first part.
  package init(_ graph: PickleGraph, _ index: Int) {
    let node = graph.nodes[index]
    switch node.kind {
    case .list, .dict, .set:
      run = node.start
      position = run == PickleGraph.noRun ? 0 : graph.runs[Int(run)].start
      left = run == PickleGraph.noRun ? 0 : graph.runs[Int(run)].count
    case .tuple, .call, .object, .persistent:
      run = PickleGraph.noRun
      position = node.start
      left = node.count
    }
  }

  /// Skips the numbers here that the graph has counted and not kept.
  ///
  /// - Returns: their number; 0 where the next part is kept.
  package mutating func skipNumbers(in graph: PickleGraph) -> Int {
    guard left > 0, run != PickleGraph.noRun, graph.runs[Int(run)].start == PickleGraph.noRun else {
      return 0
    }
    defer { left = 0 }
    return Int(left)
  }

  /// The next part; nil after the last. Numbers that are not kept are None.
  package mutating func next(in graph: PickleGraph) -> PickleValue? {
    while left == 0 {
      guard run != PickleGraph.noRun else { return nil }
      run = graph.runs[Int(run)].next
      guard run != PickleGraph.noRun else { return nil }
      position = graph.runs[Int(run)].start
      left = graph.runs[Int(run)].count
    }
    left -= 1
    guard position != PickleGraph.noRun else { return PickleValue.none }
    defer { position += 1 }
    return graph.parts[Int(position)]
  }
}
