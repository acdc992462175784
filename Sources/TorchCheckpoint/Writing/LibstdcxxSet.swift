// SPDX-License-Identifier: Apache-2.0

/// The order of iteration of libstdc++'s `unordered_set<string>`, on which torch's serialization id
/// depends.
enum LibstdcxxSet {
  /// `std::hash<std::string>`: MurmurHash64A.
  static func hash(_ text: String.UTF8View) -> UInt64 {
    let multiplier: UInt64 = 0xC6A4_A793_5BD1_E995
    func mix(_ value: UInt64) -> UInt64 { value ^ (value >> 47) }
    let seed: UInt64 = 0xC70F_6907
    var hash = seed ^ (UInt64(text.count) &* multiplier)
    var word: UInt64 = 0
    var filled: UInt64 = 0
    for byte in text {
      word |= UInt64(byte) << filled
      filled += 8
      if filled == 64 {
        hash ^= mix(word &* multiplier) &* multiplier
        hash &*= multiplier
        (word, filled) = (0, 0)
      }
    }
    if filled > 0 { hash = (hash ^ word) &* multiplier }
    return mix(mix(hash) &* multiplier)
  }

  /// The order of iteration over strings with these hashes, as indices in the order of insertion.
  static func iterationOrder(of hashes: [UInt64]) -> [Int] {
    var table = Table(hashes: hashes)
    for node in hashes.indices { table.insert(node) }
    return table.order
  }
}

/// The nodes are one list; a bucket refers to the node before its first one.
private struct Table {
  private let hashes: [UInt64]
  private var next: [Int]
  private var head: Int
  private var count = 0
  /// For each bucket a node, or one of the two marks below.
  private var predecessors: [Int] = [Table.empty]

  private static let empty = -2
  private static let beforeHead = -1
  private static let end = -1

  /// The numbers of buckets of a growing set.
  private static let bucketCounts = [
    1, 13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172_933, 351_061,
    712_697, 1_447_153, 2_938_679, 5_967_347, 12_117_689, 24_607_243, 49_969_847, 101_473_717,
    206_062_531, 418_451_333, 849_749_479, 1_725_587_117, 3_504_151_727,
  ]

  init(hashes: [UInt64]) {
    self.hashes = hashes
    next = [Int](repeating: Self.end, count: hashes.count)
    head = Self.end
  }

  var order: [Int] {
    var order: [Int] = []
    order.reserveCapacity(count)
    var node = head
    while node != Self.end {
      order.append(node)
      node = next[node]
    }
    return order
  }

  mutating func insert(_ node: Int) {
    count += 1
    if count > predecessors.count || count == 1 { grow() }
    link(node)
  }

  private mutating func grow() {
    guard let larger = Self.bucketCounts.first(where: { $0 > predecessors.count }) else { return }
    let nodes = order
    predecessors = [Int](repeating: Self.empty, count: larger)
    head = Self.end
    for node in nodes { link(node) }
  }

  /// Inserts a node before the others of its bucket, or, if it is the first there, before all nodes.
  private mutating func link(_ node: Int) {
    let bucket = bucket(of: node)
    switch predecessors[bucket] {
    case Self.empty:
      next[node] = head
      head = node
      predecessors[bucket] = Self.beforeHead
      if next[node] != Self.end { predecessors[self.bucket(of: next[node])] = node }
    case Self.beforeHead:
      next[node] = head
      head = node
    case let predecessor:
      next[node] = next[predecessor]
      next[predecessor] = node
    }
  }

  private func bucket(of node: Int) -> Int {
    Int(hashes[node] % UInt64(predecessors.count))
  }
}
