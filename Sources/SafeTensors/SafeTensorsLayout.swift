public import Tensors

/// Where everything goes in a safetensors file that is to be written.
///
/// The bytes are those that the reference writes for the same tensors (spec/safetensors.md, W1 to
/// W7): tensors by dtype then name, compact JSON, header padded to 8. Room that is reserved adds
/// spaces and changes nothing else (W8).
public struct SafeTensorsLayout: Sendable {
  /// The places in the source, in the order in which the data must be written.
  public let order: [Int]
  /// The first bytes of the file: the header's length, the header, its padding.
  public let prefix: [UInt8]
  /// The size of the whole file in bytes.
  public let byteCount: Int
  /// Where the data of each tensor of the source goes, counted from the start of the data.
  private let dataOffsets: [Range<Int>]

  /// Plans a file of these tensors, in any order.
  ///
  /// - Parameter reservedByteCount: bytes of room in the header, so that later changes of its
  ///   metadata need not move the data; 0 or more, a negative count is a caller's bug and traps.
  /// - Throws: `malformed`, naming the tensor, when two have the same name or one is called
  ///   `__metadata__`; `unsupported` when the header or the file would be too large.
  /// - Complexity: O(tensors · log tensors).
  public init(
    tensors: [TensorInfo], metadata: ArchiveMetadata?, reservedByteCount: Int = 0
  ) throws(CheckpointError) {
    precondition(reservedByteCount >= 0, "room cannot be negative")
    try HeaderLength.check(reservedByteCount)
    order = tensors.indices.sorted { Self.precedes(tensors[$0], tensors[$1]) }
    var header = HeaderEncoder(metadata: metadata, tensorCount: tensors.count)
    var offset = 0
    var dataOffsets = [Range<Int>](repeating: 0..<0, count: tensors.count)
    for index in order {
      let tensor = tensors[index]
      guard !tensor.name.string.utf8.elementsEqual("__metadata__".utf8) else {
        throw CheckpointError(
          .malformed, "no tensor of a safetensors file can have this name", tensor: tensor.name)
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
    prefix = HeaderLength.prefix(bytes)
    self.dataOffsets = dataOffsets
    let (sum, overflow) = offset.addingReportingOverflow(prefix.count)
    guard !overflow else { throw Self.tooLarge }
    byteCount = sum
  }

  /// Where the data of a tensor goes in the file.
  ///
  /// - Parameter index: the place of the tensor in the source. Another one is a caller's bug and traps.
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
    // Of one dtype, equal names are neighbours.
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
    CheckpointError(.malformed, "the name of a tensor comes twice", tensor: name)
  }

  private static func precedes(_ left: TensorInfo, _ right: TensorInfo) -> Bool {
    if left.dtype != right.dtype { return left.dtype.rawValue < right.dtype.rawValue }
    return left.name < right.name
  }
}
