// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The elements of a tensor where its file has them, of which any part can be read.
package struct StridedElements: Sendable {
  private let source: GatherSource
  private let start: Int
  private let steps: [Int]
  private let elementByteCount: Int
  private let transform: ElementTransform?

  /// Describes elements.
  ///
  /// - Parameters:
  ///   - start: the offset of the first element in the source, in bytes.
  ///   - steps: the stride along each dimension, in bytes; every element is within the source.
  ///   - elementByteCount: 1, 2, 4 or 8.
  ///   - transform: the change of the elements that are read.
  package init(
    in source: GatherSource, start: Int, steps: [Int], elementByteCount: Int,
    transform: ElementTransform? = nil
  ) {
    self.source = source
    self.start = start
    self.steps = steps
    self.elementByteCount = elementByteCount
    self.transform = transform
  }

  /// Describes elements without gaps, in row-major order.
  package init(
    in source: GatherSource, start: Int, sizes: [Int], elementByteCount: Int,
    transform: ElementTransform? = nil
  ) {
    var steps = sizes
    var step = elementByteCount
    for axis in sizes.indices.reversed() {
      steps[axis] = step
      step = step.multipliedReportingOverflow(by: max(1, sizes[axis])).partialValue
    }
    self.init(
      in: source, start: start, steps: steps, elementByteCount: elementByteCount,
      transform: transform)
  }

  /// Passes a box of elements on, in row-major order and in pieces of whole elements of a few
  /// megabytes.
  ///
  /// - Parameters:
  ///   - offsets: the first element of the box, by dimension.
  ///   - sizes: the size of the box, which must be within the tensor.
  /// - Throws: what reading the source and `sink` throw.
  package func read(
    from offsets: [Int], _ sizes: [Int], to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    precondition(
      offsets.count == steps.count && sizes.count == steps.count,
      "a box has the dimensions of its tensor")
    guard !sizes.contains(0) else { return }
    var first = start
    for (offset, step) in zip(offsets, steps) { first += offset * step }
    var gather = Gather(
      zip(sizes, steps).map { Gather.Axis(size: $0, step: $1) }, start: first,
      elementByteCount: elementByteCount, from: source)
    try gather.run { piece throws(CheckpointError) in
      transform?.apply(to: &piece)
      try sink(piece.bytes)
    }
  }
}

/// An archive of whose tensors any part can be read.
package protocol ElementArchive: TensorArchive {
  /// The elements of a tensor. The dimensions are those of the tensor, but where two elements share a
  /// byte, the last dimension counts bytes.
  ///
  /// - Throws: `malformed` when a checksum does not match, `system` when reading fails.
  func elements(of index: Int) throws(CheckpointError) -> StridedElements
}
