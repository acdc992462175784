// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import PEFT
internal import Tensors

/// The rebuilt weight of a convolution from a core [r, r, k, k′] and factors [r, out] and [r, in]:
/// Σ over i and j of outer[i, o] · core[i, j, k, k′] · inner[j, c] (LoHa and LoKr).
enum TuckerFactors {
  /// The most elements of the intermediate result, 1 GiB of numbers.
  private static let largestCount = 1 << 27

  /// The weight as a matrix [out, in · k · k′].
  static func expression(
    _ module: ModuleTensors, core: String, outer: String, inner: String, rank: Int,
    in arithmetic: FloatFormat
  ) throws(CheckpointError) -> MatrixExpression {
    let core4 = try module.sizes(of: core, rank: 4...4)
    let outerSizes = try module.sizes(of: outer, rank: 2...2)
    let innerSizes = try module.sizes(of: inner, rank: 2...2)
    for (extent, leaf) in [
      (core4[0], core), (core4[1], core), (outerSizes[0], outer), (innerSizes[0], inner),
    ] {
      try module.check(rank: extent, of: leaf, is: rank)
    }
    let (kernel, channels) = (core4[2] * core4[3], innerSizes[1])
    let size = (rank * kernel).multipliedReportingOverflow(by: channels)
    guard !size.overflow, size.partialValue <= largestCount else {
      throw CheckpointError(
        .unsupported,
        "\(module.name.printable): the factors \(core4) and \(innerSizes) are too large")
    }
    // [r · kernel, r] · [r, in], and then the kernel behind the channels.
    let flat = try module.matrix(core, in: arithmetic)
    let arranged = flat.gathered(rowCount: rank * kernel, width: rank) { row, column in
      (row / kernel * rank + column) * kernel + row % kernel
    }
    let product = arranged.multiplied(by: try module.matrix(inner, in: arithmetic))
    let right = product.gathered(rowCount: rank, width: channels * kernel) { row, column in
      (row * kernel + column % kernel) * channels + column / kernel
    }
    return .product(try module.matrix(outer, transposed: true, in: arithmetic), right)
  }
}

extension ModuleTensors {
  /// The product of two factors [rows, r] and [r, columns].
  func product(
    _ left: String, _ right: String, rank: Int, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> MatrixExpression {
    try check(rank: try sizes(of: left, rank: 2...2)[1], of: left, is: rank)
    try check(rank: try sizes(of: right, rank: 2...2)[0], of: right, is: rank)
    return .product(
      try matrix(left, in: arithmetic), try matrix(right, in: arithmetic))
  }

  /// Refuses a shape of other rows, or of another number of elements.
  func check(_ shape: Shape?, rows: Int, of delta: MatrixExpression) throws(CheckpointError) {
    guard let shape else { return }
    let (count, overflow) = delta.rowCount.multipliedReportingOverflow(by: delta.width)
    guard !overflow, shape.rank >= 2, shape.dimensions[0] == UInt(rows),
      shape.elementCount == UInt(count)
    else { throw misfit(shape) }
  }
}
