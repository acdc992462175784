// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Archives
internal import Files
internal import Tensors

/// The tensors of a file by name and index, and its other values.
struct TensorTable: Sendable {
  /// The tensors, in the order of the pickle.
  private(set) var tensors: [TorchTensor] = []
  private(set) var names: [TensorName] = []
  private(set) var skipped: [SkippedItem] = []
  /// The Python attributes, which are not read.
  var attributes = TensorAttributes()
  /// Whether the whole value of the pickle is one tensor, so that the file gives it no name.
  var isSingleTensor = false
  /// The code that the pickle asks for, and the modules in it.
  var objects = InertContents()
  /// The index of each tensor; -1 for skipped items.
  private var places: [TensorName: Int] = [:]
  /// The approximate memory of the tables, in bytes.
  private(set) var memory = 0
  private var expanded = 0
  /// For each tensor, the index of the first that is the same view, possibly its own.
  private var originals: [Int] = []
  private var identities: [TorchTensor.Identity: Int] = [:]

  /// The largest memory of the tables, in bytes.
  let memoryLimit: Int
  /// The size of the file in bytes.
  private let fileByteCount: Int
  /// The largest size of all tensors together, in bytes.
  private let expansionLimit: Int

  init(_ limits: PickleLimits, fileByteCount: Int) {
    memoryLimit = limits.tableByteCount
    self.fileByteCount = fileByteCount
    expansionLimit = limits.expansion + 16 * fileByteCount
  }

  /// The index of a tensor.
  func index(of name: TensorName) -> Int? {
    places[name].flatMap { $0 < 0 ? nil : $0 }
  }

  /// The first tensor that is the same view; nil if that is the tensor itself.
  func alias(of index: Int) -> Int? {
    originals[index] == index ? nil : originals[index]
  }

  /// Whether a name belongs to a tensor or skipped item.
  func contains(_ name: TensorName) -> Bool { places[name] != nil }

  /// Whether a view has a name.
  func contains(_ view: TorchTensor.Identity) -> Bool { identities[view] != nil }

  /// Adds a tensor.
  ///
  /// - Parameter work: the number of bytes that must be read for it.
  /// - Throws: `malformed` for a duplicate name; `unsupported` when there are too many tensors, or they
  ///   expand to more than a file of this size may.
  mutating func add(
    _ tensor: TorchTensor, named name: TensorName, work: Int
  ) throws(CheckpointError) {
    let original = identities[tensor.identity] ?? tensors.count
    try claim(
      name, index: tensors.count,
      cost: original < tensors.count ? 40 : 160 + 16 * tensor.shape.rank)
    let sum = expanded.addingReportingOverflow(work)
    guard !sum.overflow, sum.partialValue <= expansionLimit else {
      throw CheckpointError(
        .unsupported,
        "would expand from \(fileByteCount) bytes to more than \(expansionLimit)", tensor: name)
    }
    expanded = sum.partialValue
    if original == tensors.count { identities[tensor.identity] = original }
    originals.append(original)
    tensors.append(tensor)
    names.append(name)
  }

  /// Adds a value that is not read as a tensor.
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
