// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Files
internal import Kernels
public import Tensors

/// The differences between two checkpoints of any formats: their tensors, by name
/// (spec/command-line.md, L28 to L31).
///
/// Two tensors are the same when dtype, shape and every byte of their data are, so that two
/// checkpoints are the same exactly when their content digests are. The order of tensors does not
/// matter. Lists are sorted by name, as bytes.
public struct CheckpointComparison: Sendable {
  /// The number of tensors that are the same.
  public private(set) var sameCount = 0
  /// The tensors of the left checkpoint only.
  public private(set) var removed: [TensorInfo] = []
  /// The tensors of the right checkpoint only.
  public private(set) var added: [TensorInfo] = []
  /// The tensors of both that differ.
  public private(set) var changed: [TensorChange] = []
  /// The differences of the metadata, which do not make the checkpoints different.
  public let metadata: [KeyChange<String>]
  /// The items of the left checkpoint that are not compared, in file order.
  public let leftSkipped: [SkippedItem]
  /// The items of the right checkpoint that are not compared, in file order.
  public let rightSkipped: [SkippedItem]

  /// Whether all tensors are the same.
  public var isSame: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }

  /// Compares two checkpoints.
  ///
  /// - Throws: what reading the data of the tensors throws.
  /// - Complexity: O(bytes) of the tensors that agree in name and shape, in memory that does not
  ///   grow with the data.
  public init(
    _ left: any TensorArchive, _ right: any TensorArchive
  ) throws(CheckpointError) {
    metadata = KeyChange.changes(from: left.metadata, to: right.metadata)
    leftSkipped = left.skipped
    rightSkipped = right.skipped
    for index in 0..<left.tensorCount {
      let tensor = left.tensor(at: index)
      guard let other = right.index(of: tensor.name) else {
        removed.append(tensor)
        continue
      }
      let pair = TensorPair(left: left, leftIndex: index, right: right, rightIndex: other)
      if let change = try pair.compared() {
        changed.append(change)
      } else {
        sameCount += 1
      }
    }
    for index in 0..<right.tensorCount {
      let tensor = right.tensor(at: index)
      if left.index(of: tensor.name) == nil { added.append(tensor) }
    }
    try left.checkUnchanged()
    try right.checkUnchanged()
    removed.sort { $0.name < $1.name }
    added.sort { $0.name < $1.name }
    changed.sort { $0.name < $1.name }
  }
}
