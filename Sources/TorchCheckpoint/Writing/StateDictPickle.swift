// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// The record `data.pkl`: a plain dict of tensors and Parameters, or a tensor alone, as `torch.save`
/// pickles it.
struct StateDictPickle {
  private var pickle = PickleEncoder()
  private let layout: TorchLayout

  /// The number of items that Python's pickler sets at a time.
  private static let batchCount = 1000

  /// The pickle of entries. Their storages are numbered in the same order.
  ///
  /// - Throws: `unsupported`, naming the tensor, for one that torch cannot hold.
  /// - Complexity: O(entries).
  static func bytes(
    of entries: [TorchEntry], layout: TorchLayout
  ) throws(CheckpointError) -> [UInt8] {
    var encoder = Self(layout: layout)
    try encoder.appendDict(entries)
    encoder.pickle.append(.stop)
    return encoder.pickle.bytes
  }

  /// The pickle of a tensor that is not in a dict. Its storage has the number 0.
  ///
  /// - Throws: `unsupported`, naming the tensor, for one that torch cannot hold.
  static func bytes(
    ofBareTensor tensor: TensorInfo, layout: TorchLayout
  ) throws(CheckpointError) -> [UInt8] {
    var encoder = Self(layout: layout)
    encoder.append(try encoder.described(tensor), key: 0)
    encoder.pickle.append(.stop)
    return encoder.pickle.bytes
  }

  private init(layout: TorchLayout) {
    self.layout = layout
  }

  private mutating func appendDict(_ entries: [TorchEntry]) throws(CheckpointError) {
    pickle.append(.emptyDict)
    pickle.memoize()
    if entries.isEmpty { return }
    if entries.count == 1 {
      try appendItem(entries[0], key: 0)
      return pickle.append(.setItem)
    }
    // Python notices the end of the items in a batch that is not full: after full batches, it writes
    // an empty one.
    for start in stride(from: 0, through: entries.count, by: Self.batchCount) {
      pickle.append(.mark)
      for key in start..<min(start + Self.batchCount, entries.count) {
        try appendItem(entries[key], key: key)
      }
      pickle.append(.setItems)
    }
  }

  private mutating func appendItem(_ entry: TorchEntry, key: Int) throws(CheckpointError) {
    let name = entry.tensor.name.string
    switch name {
    // These names are literals in torch's source too, and Python has one object for both.
    case "cpu", "storage": pickle.append(literal: name)
    default: pickle.append(name)
    }
    append(try described(entry.tensor), key: key, kind: entry.kind)
  }

  private func described(_ tensor: TensorInfo) throws(CheckpointError) -> TensorLayout {
    do throws(CheckpointError) {
      return try TensorLayout(tensor, layout: layout)
    } catch {
      throw error.naming(tensor: tensor.name)
    }
  }

  private mutating func append(_ tensor: TensorLayout, key: Int, kind: TorchEntry.Kind) {
    switch kind {
    case .tensor:
      append(tensor, key: key)
    case .parameter(let requiresGradient):
      pickle.append(AllowedGlobal(.rebuildParameter))
      append(tensor, key: key)
      pickle.append(requiresGradient)
      appendNoHooks()
      pickle.append(.tuple3)
      pickle.memoize()
      appendCall()
    }
  }

  private mutating func append(_ tensor: TensorLayout, key: Int) {
    switch tensor.encoding {
    case .typedStorage: pickle.append(AllowedGlobal(.rebuildTensorV2))
    case .untypedStorage: pickle.append(AllowedGlobal(.rebuildTensorV3))
    }
    pickle.append(.mark)
    appendStorage(of: tensor, key: key)
    pickle.append(0)
    pickle.append(tuple: tensor.size)
    pickle.append(tuple: tensor.stride)
    pickle.append(false)
    appendNoHooks()
    if case .untypedStorage(let dtype, _) = tensor.encoding {
      pickle.append(AllowedGlobal(.dtype, dtype))
    }
    pickle.append(.tuple)
    pickle.memoize()
    appendCall()
  }

  private mutating func appendStorage(of tensor: TensorLayout, key: Int) {
    pickle.append(.mark)
    pickle.append(literal: "storage")
    switch tensor.encoding {
    case .typedStorage(let dtype): pickle.append(AllowedGlobal(.storageClass, dtype))
    case .untypedStorage: pickle.append(AllowedGlobal(.untypedStorage))
    }
    pickle.append(String(key))
    pickle.append(literal: "cpu")
    pickle.append(tensor.storageCount)
    pickle.append(.tuple)
    pickle.memoize()
    pickle.append(.binPersID)
  }

  /// Appends the backward hooks: there are never any.
  private mutating func appendNoHooks() {
    pickle.append(AllowedGlobal(.orderedDict))
    pickle.append(.emptyTuple)
    appendCall()
  }

  private mutating func appendCall() {
    pickle.append(.reduce)
    pickle.memoize()
  }
}
