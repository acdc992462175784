// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A tensor as torch describes it: contiguous, in a storage of its own.
struct TensorLayout {
  let encoding: TorchEncoding
  /// The dimensions, outermost first; two packed F4 values count once.
  let size: [Int]
  /// The strides, in elements.
  let stride: [Int]
  /// The size of the storage in its persistent id: in elements if it is typed, else in bytes.
  let storageCount: Int

  /// Describes a tensor.
  ///
  /// - Throws: `unsupported` when torch, or the releases that write this layout, do not have the dtype.
  init(_ tensor: TensorInfo, layout: TorchLayout) throws(CheckpointError) {
    guard let encoding = TorchEncoding(tensor.dtype) else {
      throw CheckpointError(.unsupported, "torch has no dtype \(tensor.dtype.name)")
    }
    self.encoding = encoding
    switch encoding {
    case .typedStorage:
      storageCount = tensor.elementCount
    case .untypedStorage(_, let since):
      guard layout >= since else {
        throw CheckpointError(
          .unsupported,
          "no release of torch that writes layout \(layout.rawValue) has the dtype "
            + tensor.dtype.name,
          remedy: .torchLayout(since.rawValue))
      }
      storageCount = tensor.byteCount
    }
    size = try Self.size(of: tensor)
    stride = try Self.contiguousStride(of: size)
  }

  private static func size(of tensor: TensorInfo) throws(CheckpointError) -> [Int] {
    var size: [Int] = []
    size.reserveCapacity(tensor.shape.rank)
    for extent in tensor.shape.dimensions {
      guard let extent = Int(exactly: extent) else { throw tooLarge() }
      size.append(extent)
    }
    if tensor.dtype == .float4E2M1, let last = size.indices.last {
      // torch's dtype is a pair of values in a byte.
      guard size[last].isMultiple(of: 2) else {
        throw CheckpointError(
          .unsupported, "torch packs F4 in pairs, and the last extent is \(size[last])")
      }
      size[last] /= 2
    }
    return size
  }

  private static func contiguousStride(of size: [Int]) throws(CheckpointError) -> [Int] {
    var stride = [Int](repeating: 1, count: size.count)
    for axis in size.indices.dropLast().reversed() {
      let (product, overflow) = stride[axis + 1].multipliedReportingOverflow(
        by: max(1, size[axis + 1]))
      guard !overflow else { throw tooLarge() }
      stride[axis] = product
    }
    return stride
  }

  @inline(never)
  private static func tooLarge() -> CheckpointError {
    CheckpointError(.unsupported, "the extents are larger than torch can count")
  }
}
