// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// A NumPy array of a pickle, which contains the elements too.
struct PickledArray {
  /// The element type, as NumPy spells it, such as `f4`.
  let type: String
  /// The element type; nil for text, times, records and objects.
  let dtype: TorchDType?
  let sizes: [Int]
  /// The strides in elements.
  let strides: [Int]
  /// Whether the elements are big-endian.
  let isBigEndian: Bool
  /// The elements; empty for an unknown element type.
  let bytes: [UInt8]

  /// Reads the array of a node.
  ///
  /// - Throws: `malformed` when the elements do not fit the shape.
  init(_ node: Int, in graph: PickleGraph) throws(CheckpointError) {
    let object = PickledObject(node, in: graph)
    let isBuffer = graph.nodes[node].name.role == .arrayFromBuffer
    // From a buffer: bytes, dtype, shape, order. Else the state: version, shape, dtype, order, bytes.
    let fields = graph.elements(isBuffer ? object.arguments : object.state) ?? []
    guard fields.count == (isBuffer ? 4 : 5), let sizes = graph.integers(fields[isBuffer ? 2 : 1]),
      sizes.count <= TensorGeometry.highestRank, let type = graph.object(fields[isBuffer ? 1 : 2]),
      sizes.allSatisfy({ $0 >= 0 })
    else { throw .malformed("a NumPy array has an impossible shape") }
    self.sizes = sizes
    let kind = graph.elements(type.arguments)?.first.flatMap(graph.string) ?? "?"
    self.type = kind
    dtype = Self.dtypes[kind]
    let order = graph.elements(type.state).flatMap { $0.count > 1 ? graph.string($0[1]) : nil }
    isBigEndian = order == ">"
    let isFortran =
      if isBuffer { graph.isText(fields[3], "F") } else {
        if case .bool(true) = fields[3].kind { true } else { fields[3].int == 1 }
      }
    guard let dtype else {
      (strides, bytes) = ([], [])
      return
    }
    guard let bytes = graph.byteString(fields[isBuffer ? 0 : 4]) else {
      throw .malformed("a NumPy array has no bytes")
    }
    self.bytes = bytes
    var strides = [Int](repeating: 1, count: sizes.count)
    var count = 1
    for axis in isFortran ? Array(sizes.indices) : sizes.indices.reversed() {
      strides[axis] = count
      let (product, overflow) = count.multipliedReportingOverflow(by: sizes[axis])
      guard !overflow else { throw .malformed("a NumPy array has an impossible shape") }
      count = product
    }
    self.strides = strides
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: dtype.byteCount)
    guard !overflow, byteCount == bytes.count else {
      throw .malformed("a NumPy array has \(bytes.count) bytes, which do not fit its shape")
    }
  }

  /// The element types by their names in NumPy.
  private static let dtypes: [String: TorchDType] = [
    "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8, "u2": .uint16,
    "u4": .uint32, "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64, "c8": .complex64,
    "c16": .complex128,
  ]
}

extension StorageTable {
  /// Reads the NumPy arrays of a pickle, each into a storage of its own.
  ///
  /// - Throws: `malformed` when the bytes of one do not fit its shape.
  /// - Complexity: O(bytes of the arrays) in time and memory.
  mutating func collectArrays(_ graph: inout PickleGraph) throws(CheckpointError) {
    // Every array has bytes of its own; a pickle could use some many times.
    var left = graph.source.count + (1 << 16)
    for index in 0..<graph.arrayNodes.count {
      let node = Int(graph.arrayNodes[index])
      do throws(CheckpointError) {
        let array = try PickledArray(node, in: graph)
        left -= array.bytes.count
        guard left >= 0 else {
          throw CheckpointError(.unsupported, "the NumPy arrays expand to more than their pickle")
        }
        graph.nodes[node].lastRun = UInt32(arrays.count)
        arrays.append(add(array, at: graph.offset(of: node)))
      } catch {
        throw error.at(graph.offset(of: node))
      }
    }
  }

  private mutating func add(_ array: PickledArray, at offset: Int) -> StoredArray {
    var storage = TorchStorage(
      key: "", byteCount: array.bytes.count, elementByteCount: 1, referenceOffset: offset)
    storage.contents = array.bytes
    storage.isBigEndian = array.isBigEndian
    storages.append(storage)
    return StoredArray(
      reference: StorageReference(
        storage: storages.count - 1, dtype: array.dtype, range: 0..<array.bytes.count),
      type: array.type, sizes: array.sizes, strides: array.strides)
  }
}

/// A NumPy array whose elements are in a storage.
struct StoredArray: Sendable {
  let reference: StorageReference
  /// The element type, as NumPy spells it.
  let type: String
  let sizes: [Int]
  let strides: [Int]
}
