// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// One matrix of updates: that of a module, or of one expert.
struct DeltaPart: Sendable {
  /// Where the factors come from.
  enum Source: Sendable {
    /// A [rank, inputs] and B [rank, outputs] of a file.
    case views(a: FactorView, b: FactorView)
    /// The same, computed from other tensors.
    case computed(a: FactorMatrix, b: FactorMatrix)
  }

  let source: Source
  let scale: Double
  /// The dtypes of the tensors that the factors come from.
  let dtypes: (a: DType, b: DType)
  let rank: Int
  let inputs: Int
  let outputs: Int

  /// The factors of a file.
  init(a: FactorView, b: FactorView, scale: Double) {
    source = .views(a: a, b: b)
    self.scale = scale
    dtypes = (a.dtype, b.dtype)
    (rank, inputs, outputs) = (a.sizes[0], a.sizes[1], b.sizes[1])
  }

  /// Factors that are computed from tensors of a dtype.
  init(a: FactorMatrix, b: FactorMatrix, scale: Double, dtype: DType) {
    source = .computed(a: a, b: b)
    self.scale = scale
    dtypes = (dtype, dtype)
    (rank, inputs, outputs) = (a.rank, a.length, b.length)
  }

  /// The views of the factors; nil where they are computed.
  var views: (a: FactorView, b: FactorView)? {
    if case .views(let a, let b) = source { (a, b) } else { nil }
  }

  /// The factors in memory.
  ///
  /// - Throws: what reading throws.
  func load() throws(CheckpointError) -> LoadedPart {
    switch source {
    case .views(let a, let b):
      LoadedPart(a: try FactorMatrix(a), b: try FactorMatrix(b), scale: scale)
    case .computed(let a, let b): LoadedPart(a: a, b: b, scale: scale)
    }
  }

  /// The size of the factors in memory, in bytes.
  var byteCount: Int {
    guard let views else { return 0 }
    return [views.a, views.b].reduce(0) { $0 + $1.elementCount * ($1.dtype.byteCount ?? 8) }
  }

  /// Whether an update of one has the size of the other's.
  func hasShape(of other: DeltaPart) -> Bool {
    inputs == other.inputs && outputs == other.outputs
  }

  /// The roundings between the files of two parts.
  func rounding(to other: DeltaPart) -> (a: FactorRounding, b: FactorRounding) {
    (FactorRounding(dtypes.a, other.dtypes.a), FactorRounding(dtypes.b, other.dtypes.b))
  }

  /// The bits of the significand of the coarser factor.
  var significandBitCount: Int {
    min(FactorRounding.bitCount(of: dtypes.a), FactorRounding.bitCount(of: dtypes.b))
  }
}

/// The factors of a part in memory.
struct LoadedPart {
  let a: FactorMatrix
  let b: FactorMatrix
  let scale: Double

  var first: ScaledFactor { ScaledFactor(matrix: a, scale: 1) }
  var second: ScaledFactor { ScaledFactor(matrix: b, scale: scale) }

  /// Whether all elements are numbers.
  var isFinite: Bool { a.exponent != nil && b.exponent != nil && scale.isFinite }

  /// The rows of the factors that add something to the update: those padded with zeros do not.
  var usedRows: [Int] {
    guard scale != 0 else { return [] }
    let (a, b) = (a.hasContent, b.hasContent)
    return a.indices.filter { a[$0] && b[$0] }
  }
}
