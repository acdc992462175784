// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Archives
internal import Files
internal import Tensors

/// The tensors of a file by name and place, and what it holds besides them.
struct TensorTable: Sendable {
  /// The tensors, in the order of the pickle.
  private(set) var tensors: [TorchTensor] = []
  private(set) var names: [TensorName] = []
  private(set) var skipped: [SkippedItem] = []
  /// The Python attributes, which are not read.
  var attributes = TensorAttributes()
  /// Tensors have their index here, skipped items -1.
  private var places: [TensorName: Int] = [:]
  /// About the bytes of memory that the tables take.
  private(set) var memory = 0
  private var expanded = 0
  /// For each tensor the first that is the very same view, itself where it is the first.
  private var originals: [Int] = []
  private var identities: [TorchTensor.Identity: Int] = [:]

  /// The bytes of memory that the tables may take.
  let memoryLimit: Int
  /// The size of the file in bytes.
  private let fileByteCount: Int
  /// The bytes that all tensors may have together.
  private let expansionLimit: Int

  init(_ limits: PickleLimits, fileByteCount: Int) {
    memoryLimit = limits.tableByteCount
    self.fileByteCount = fileByteCount
    expansionLimit = limits.expansion + 16 * fileByteCount
  }

  /// The place of a tensor.
  func index(of name: TensorName) -> Int? {
    places[name].flatMap { $0 < 0 ? nil : $0 }
  }

  /// The first tensor that is the very same view, when it is another one.
  func alias(of index: Int) -> Int? {
    originals[index] == index ? nil : originals[index]
  }

  /// Adds a tensor.
  ///
  /// - Parameter work: the bytes that reading it takes.
  /// - Throws: `malformed` when there is one of this name, `unsupported` when there are too many or
  ///   they expand to more than a file of this size may.
  mutating func add(
    _ tensor: TorchTensor, named name: TensorName, work: Int
  ) throws(CheckpointError) {
    try claim(name, index: tensors.count, cost: 160 + 16 * tensor.shape.rank)
    let sum = expanded.addingReportingOverflow(work)
    guard !sum.overflow, sum.partialValue <= expansionLimit else {
      throw CheckpointError(
        .unsupported,
        "would expand from \(fileByteCount) bytes to more than \(expansionLimit)", tensor: name)
    }
    expanded = sum.partialValue
    let original = identities[tensor.identity] ?? tensors.count
    if original == tensors.count { identities[tensor.identity] = original }
    originals.append(original)
    tensors.append(tensor)
    names.append(name)
  }

  /// Adds an item that is not a tensor of an archive.
  ///
  /// - Throws: as `add`.
  mutating func skip(_ item: SkippedItem) throws(CheckpointError) {
    try claim(item.name, index: -1, cost: 64)
    skipped.append(item)
  }

  private mutating func claim(
    _ name: TensorName, index: Int, cost: Int
  ) throws(CheckpointError) {
    memory += cost + 120 + 2 * name.string.utf8.count
    guard memory <= memoryLimit else {
      throw CheckpointError(
        .unsupported, "the pickle expands to more items than a file of its size may have",
        tensor: name)
    }
    guard places.updateValue(index, forKey: name) == nil else {
      throw CheckpointError(.malformed, "the name appears twice", tensor: name)
    }
  }
}
