// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The layout of a safetensors file that is to be written.
///
/// The bytes are the same as those of the reference for the same tensors (spec/safetensors.md W1 to
/// W7): tensors sorted by dtype, then name; compact JSON; a header padded to a multiple of 8 bytes.
/// Reserved room adds spaces and changes nothing else (W8).
public struct SafeTensorsLayout: Sendable {
  /// The indices of the source's tensors, in the order in which their data must be written.
  public let order: [Int]
  /// The first bytes of the file: the header's length, the header and its padding.
  public let prefix: [UInt8]
  /// The size of the whole file in bytes.
  public let byteCount: Int
  /// The range of each source tensor in the data section.
  private let dataOffsets: [Range<Int>]

  /// Plans a file of tensors, given in any order.
  ///
  /// - Parameters:
  ///   - tensors: the tensors.
  ///   - metadata: the metadata; nil for a file without `__metadata__`.
  ///   - reservedByteCount: the number of bytes of room in the header, so that later changes of its
  ///     metadata need not move the data. A negative count is a programming error and traps.
  /// - Throws: `malformed`, naming the tensor, when two have the same name or one is called
  ///   `__metadata__`; `unsupported` when the header or the file would be too large.
  /// - Complexity: O(tensors · log tensors).
  public init(
    tensors: [TensorInfo], metadata: ArchiveMetadata?, reservedByteCount: Int = 0
  ) throws(CheckpointError) {
    precondition(reservedByteCount >= 0, "the number of reserved bytes cannot be negative")
    try HeaderLength.check(reservedByteCount)
    order = tensors.indices.sorted { Self.precedes(tensors[$0], tensors[$1]) }
    var header = HeaderEncoder(metadata: metadata, tensorCount: tensors.count)
    var offset = 0
    var dataOffsets = [Range<Int>](repeating: 0..<0, count: tensors.count)
    for index in order {
      let tensor = tensors[index]
      guard !tensor.name.string.utf8.elementsEqual("__metadata__".utf8) else {
        throw CheckpointError(
          .malformed, "a safetensors file cannot contain a tensor of this name", tensor: tensor.name
        )
      }
      let (end, overflow) = offset.addingReportingOverflow(tensor.byteCount)
      guard !overflow else { throw Self.tooLarge }
      header.append(tensor, offsets: offset..<end)
      dataOffsets[index] = offset..<end
      offset = end
    }
    try Self.refuseDuplicates(tensors, inOrder: order)
    let bytes = header.finish(reservedByteCount: reservedByteCount)
    try HeaderLength.check(bytes.count)
    prefix = HeaderLength.prefix(consume bytes)
    self.dataOffsets = dataOffsets
    let (sum, overflow) = offset.addingReportingOverflow(prefix.count)
    guard !overflow else { throw Self.tooLarge }
    byteCount = sum
  }

  /// The range of a tensor's data in the file.
  ///
  /// - Parameter index: the index of the tensor in the source. One out of range is a programming
  ///   error and traps.
  public func dataRange(of index: Int) -> Range<Int> {
    let offsets = dataOffsets[index]
    return prefix.count + offsets.lowerBound..<prefix.count + offsets.upperBound
  }

  private static var tooLarge: CheckpointError {
    CheckpointError(.unsupported, "the file would take 2^63 bytes or more")
  }

  private static func refuseDuplicates(
    _ tensors: [TensorInfo], inOrder order: [Int]
  ) throws(CheckpointError) {
    guard let first = order.first, let last = order.last else { return }
    // When all have one dtype, equal names are adjacent.
    if tensors[first].dtype == tensors[last].dtype {
      for (left, right) in zip(order, order.dropFirst())
      where tensors[left].name == tensors[right].name {
        throw duplicate(tensors[right].name)
      }
      return
    }
    var names: Set<TensorName> = []
    names.reserveCapacity(tensors.count)
    for tensor in tensors where !names.insert(tensor.name).inserted {
      throw duplicate(tensor.name)
    }
  }

  private static func duplicate(_ name: TensorName) -> CheckpointError {
    CheckpointError(.malformed, "duplicate tensor name", tensor: name)
  }

  private static func precedes(_ left: TensorInfo, _ right: TensorInfo) -> Bool {
    if left.dtype != right.dtype { return left.dtype.rawValue < right.dtype.rawValue }
    return left.name < right.name
  }
}
