// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import Tensors

/// The pairs of factors of a GGUF adapter, by the tensor of the model that they are for.
struct GGUFPairs {
  /// A pair.
  struct Pair {
    /// The tensor of the model, without ".weight".
    let tensor: Substring
    let a: FactorView
    let b: FactorView

    /// The rank, the innermost dimension of B.
    var rank: Int { b.sizes[b.sizes.count - 1] }

    /// Whether A of another pair of the same file has the same elements.
    ///
    /// - Throws: what reading throws.
    /// - Complexity: O(elements) if the shapes are the same.
    func hasSameA(as other: Pair) throws(CheckpointError) -> Bool {
      guard a.sizes == other.a.sizes, a.dtype == other.a.dtype else { return false }
      return try a.archive.withTensor(at: a.index) { first throws(CheckpointError) in
        try other.a.archive.withTensor(at: other.a.index) { second throws(CheckpointError) in
          // SAFETY: every bit pattern is a valid byte.
          unsafe first.bytes._unsafeView(as: UInt8.self)
            .hasSameBytes(as: second.bytes._unsafeView(as: UInt8.self))
        }
      }
    }
  }

  /// The pairs, in the order in which the file has their first tensors.
  private(set) var pairs: [Pair] = []

  private static let weight = ".weight"

  /// Sorts tensors into pairs.
  ///
  /// - Throws: `unsupported` for other tensors, `missing` for one of a pair.
  /// - Complexity: O(tensors).
  init(_ archive: any TensorArchive) throws(CheckpointError) {
    var halves: [String: (a: Int?, b: Int?)] = [:]
    var order: [String] = []
    for index in 0..<archive.tensorCount {
      let name = archive.tensor(at: index).name.string
      let isA = name.hasSuffix(".lora_a")
      let stem = String(name.dropLast(".lora_a".count))
      guard isA || name.hasSuffix(".lora_b"), stem.hasSuffix(Self.weight) else {
        throw CheckpointError(
          .unsupported, "is neither \"….weight.lora_a\" nor \"….weight.lora_b\"",
          tensor: TensorName(name))
      }
      if halves[stem] == nil { order.append(stem) }
      if isA {
        halves[stem, default: (nil, nil)].a = index
      } else {
        halves[stem, default: (nil, nil)].b = index
      }
    }
    for stem in order {
      guard let a = halves[stem]?.a, let b = halves[stem]?.b else {
        let missing = halves[stem]?.a == nil ? "lora_a" : "lora_b"
        throw CheckpointError(.missing, "the pair of \(stem.printable) has no \(missing)")
      }
      pairs.append(
        Pair(
          tensor: stem.dropLast(Self.weight.count), a: try FactorView(archive, at: a),
          b: try FactorView(archive, at: b)))
    }
  }
}
