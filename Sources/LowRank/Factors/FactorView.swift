// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Tensors

/// A strided view of a tensor of an archive, such as the transpose of a factor or the factors of
/// one expert. Nothing is read or copied until its elements are asked for.
public struct FactorView: Sendable {
  /// The archive of the tensor.
  public let archive: any TensorArchive
  /// The index of the tensor in the archive.
  public let index: Int
  /// The element type; its elements are whole bytes.
  public let dtype: DType
  /// The place of the first element in the tensor, in elements.
  public let start: Int
  /// The dimensions, outermost first.
  public let sizes: [Int]
  /// The distance of neighbours along each dimension in the tensor, in elements.
  public let strides: [Int]

  /// Views a whole tensor.
  ///
  /// - Throws: `unsupported` for elements that are not whole bytes, and dimensions above 63 bits.
  public init(_ archive: any TensorArchive, at index: Int) throws(CheckpointError) {
    let info = archive.tensor(at: index)
    let sizes = info.shape.dimensions.compactMap { Int(exactly: $0) }
    guard info.dtype.byteCount != nil, sizes.count == info.shape.rank else {
      throw CheckpointError(
        .unsupported, "cannot be viewed: \(info.dtype) of the shape \(info.shape)",
        path: archive.path, tensor: info.name)
    }
    self.init(
      archive, index, info.dtype, start: 0, sizes: sizes, strides: Self.rowMajor(sizes))
  }

  /// Describes a view whose elements are all inside the tensor.
  private init(
    _ archive: any TensorArchive, _ index: Int, _ dtype: DType, start: Int, sizes: [Int],
    strides: [Int]
  ) {
    self.archive = archive
    self.index = index
    self.dtype = dtype
    self.start = start
    self.sizes = sizes
    self.strides = strides
  }

  /// The number of elements, at most that of the tensor.
  public var elementCount: Int { Self.product(sizes) ?? 0 }

  /// The name of the tensor in its file.
  public var name: TensorName { archive.tensor(at: index).name }

  /// Whether the elements are without gaps in row-major order.
  package var isRowMajor: Bool {
    let axes = mergedAxes
    return elementCount == 0 || axes.isEmpty || axes.count == 1 && axes[0].step == 1
  }

  /// The product of sizes; nil when it does not fit.
  package static func product(_ sizes: [Int]) -> Int? {
    guard !sizes.contains(0) else { return 0 }
    var product = 1
    for size in sizes {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard !overflow else { return nil }
      product = next
    }
    return product
  }

  /// The strides of elements without gaps. Those of an empty tensor mean nothing.
  private static func rowMajor(_ sizes: [Int]) -> [Int] {
    var strides = sizes
    var stride = 1
    for axis in sizes.indices.reversed() {
      strides[axis] = stride
      stride = stride.multipliedReportingOverflow(by: max(1, sizes[axis])).partialValue
    }
    return strides
  }
}

extension FactorView {
  private func with(start: Int? = nil, sizes: [Int], strides: [Int]) -> FactorView {
    FactorView(
      archive, index, dtype, start: start ?? self.start, sizes: sizes, strides: strides)
  }

  /// Exchanges two dimensions. One that does not exist traps.
  public func transposed(_ first: Int = 0, _ second: Int = 1) -> FactorView {
    var order = Array(sizes.indices)
    order.swapAt(first, second)
    return permuted(order)
  }

  /// The dimensions in another order: dimension i of the result is dimension `order[i]` of this
  /// view. Anything but a permutation traps.
  public func permuted(_ order: [Int]) -> FactorView {
    precondition(order.sorted() == Array(sizes.indices), "an order has every dimension once")
    return with(sizes: order.map { sizes[$0] }, strides: order.map { strides[$0] })
  }

  /// The same elements in row-major order with other dimensions.
  ///
  /// - Throws: `mismatch` for another number of elements, and for dimensions that no strides give.
  public func reshaped(_ newSizes: [Int]) throws(CheckpointError) -> FactorView {
    guard newSizes.allSatisfy({ $0 >= 0 }), Self.product(newSizes) == elementCount else {
      throw misfit("has the shape \(Shape(sizes)), which does not divide into \(newSizes)")
    }
    guard elementCount > 0 else {
      return with(sizes: newSizes, strides: Self.rowMajor(newSizes))
    }
    // From the innermost: a run of old dimensions that one stride covers is divided into new ones.
    var strides = newSizes.map { _ in 1 }
    var new = newSizes.count - 1
    for (run, step) in mergedAxes {
      var count = 1
      while new >= 0, count < run {
        strides[new] = step * count
        count *= newSizes[new]
        new -= 1
      }
      guard count == run else { throw misfit("a view of \(sizes) is not one of \(newSizes)") }
    }
    return with(sizes: newSizes, strides: strides)
  }

  /// The dimensions of more than one element, those merged that one stride covers, innermost first.
  var mergedAxes: [(size: Int, step: Int)] {
    var runs: [(size: Int, step: Int)] = []
    for axis in sizes.indices.reversed() where sizes[axis] > 1 {
      if let last = runs.last, strides[axis] == last.size * last.step {
        runs[runs.count - 1].size *= sizes[axis]
      } else {
        runs.append((sizes[axis], strides[axis]))
      }
    }
    return runs
  }

  /// A range of one dimension.
  ///
  /// - Throws: `mismatch` for a range outside it. A dimension that does not exist traps.
  public func subrange(axis: Int, _ range: Range<Int>) throws(CheckpointError) -> FactorView {
    guard range.lowerBound >= 0, range.upperBound <= sizes[axis] else {
      throw misfit("has the shape \(Shape(sizes)), which has no \(range) in dimension \(axis)")
    }
    var sizes = sizes
    sizes[axis] = range.count
    let offset = range.isEmpty ? 0 : range.lowerBound * strides[axis]
    return with(start: start + offset, sizes: sizes, strides: strides)
  }

  /// An error about the tensor.
  func misfit(_ message: String) -> CheckpointError {
    CheckpointError(.mismatch, message, path: archive.path, tensor: name)
  }
}
