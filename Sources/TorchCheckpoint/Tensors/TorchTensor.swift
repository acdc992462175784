internal import Pickle
internal import Tensors

/// A tensor as a view of a storage.
struct TorchTensor: Sendable {
  /// The element type elsewhere.
  let dtype: DType
  /// The element type in torch.
  let torchDType: TorchDType
  /// The extents that the archive gives out: those of torch, with two elements to a byte counted
  /// as two.
  let shape: Shape
  /// The size of the data in bytes.
  let byteCount: Int
  /// The index of the storage.
  let storage: Int
  /// Where the first element stands in the storage, in bytes.
  let start: Int
  /// The steps along torch's extents, in elements; nil where the elements stand one after another.
  let strides: [Int]?
  /// Whether the imaginary parts are yet to be negated.
  let isConjugated: Bool
  /// Whether the elements are yet to be negated.
  let isNegated: Bool

  /// Whether the data is a range of the storage's bytes, as it is but for the order of bytes.
  var isContiguous: Bool { strides == nil && !isConjugated && !isNegated }

  /// Torch's extents.
  var sizes: [Int] {
    var sizes = shape.dimensions.map { Int(clamping: $0) }
    if dtype == .float4E2M1, !sizes.isEmpty { sizes[sizes.count - 1] /= 2 }
    return sizes
  }
}

extension TorchTensor {
  /// What makes two tensors the very same view.
  struct Identity: Hashable {
    let storage: Int
    let start: Int
    let dtype: TorchDType
    let shape: Shape
    let strides: [Int]?
    let flags: Int
  }

  var identity: Identity {
    Identity(
      storage: storage, start: start, dtype: torchDType, shape: shape, strides: strides,
      flags: (isConjugated ? 1 : 0) | (isNegated ? 2 : 0))
  }
}

/// The extents and steps of a view, checked against its storage.
struct TensorGeometry {
  let sizes: [Int]
  let strides: [Int]
  let elementByteCount: Int
  let elementCount: Int
  /// The size of the data in bytes, each element counted as often as it is shown.
  let byteCount: Int
  /// Where the first element stands in the storage, in bytes.
  let start: Int

  /// The most extents that a tensor may have.
  static let highestRank = 64

  /// Checks a view.
  ///
  /// - Parameters:
  ///   - offset: the first element, counted in elements from the start of `range`.
  ///   - range: the bytes of the storage that may be shown.
  /// - Throws: `malformed` when extents or steps are impossible, or lead out of the storage.
  init(
    offset: Int, sizes: [Int], strides: [Int], elementByteCount: Int, range: Range<Int>
  ) throws(CheckpointError) {
    guard sizes.count <= Self.highestRank else {
      throw .malformed(
        "has an impossible shape: \(sizes.count) extents, more than \(Self.highestRank)")
    }
    guard sizes.count == strides.count else {
      throw .malformed(
        "has an impossible shape: \(sizes.count) extents and \(strides.count) strides")
    }
    guard offset >= 0, sizes.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else {
      throw .malformed("has an impossible shape: a size, stride or offset is negative")
    }
    let isEmpty = sizes.contains(0)
    var count = isEmpty ? 0 : 1
    var last = offset
    var overflows = false
    if !isEmpty {
      for (size, stride) in zip(sizes, strides) {
        let product = count.multipliedReportingOverflow(by: size)
        let reach = (size - 1).multipliedReportingOverflow(by: stride)
        let sum = last.addingReportingOverflow(reach.partialValue)
        overflows = overflows || product.overflow || reach.overflow || sum.overflow
        (count, last) = (product.partialValue, sum.partialValue)
      }
    }
    let bytes = count.multipliedReportingOverflow(by: elementByteCount)
    // A view without elements shows nothing, wherever it starts: torch keeps the offset of a slice.
    let end = isEmpty ? (partialValue: 0, overflow: false) : last.addingReportingOverflow(1)
    let endByte = end.partialValue.multipliedReportingOverflow(by: elementByteCount)
    guard !overflows, !bytes.overflow, !end.overflow, !endByte.overflow else {
      throw .malformed("has an impossible shape: it has more bytes than can be counted")
    }
    guard endByte.partialValue <= range.count else {
      throw .malformed(
        "reaches beyond its storage: it ends at byte \(endByte.partialValue) of \(range.count)")
    }
    self.sizes = sizes
    self.strides = strides
    self.elementByteCount = elementByteCount
    elementCount = count
    byteCount = bytes.partialValue
    start = range.lowerBound + (isEmpty ? 0 : offset * elementByteCount)
  }

  /// Whether the elements stand one after another.
  var isContiguous: Bool {
    guard elementCount > 0 else { return true }
    var expected = 1
    for (size, stride) in zip(sizes, strides).reversed() where size != 1 {
      guard stride == expected else { return false }
      expected *= size
    }
    return true
  }
}
