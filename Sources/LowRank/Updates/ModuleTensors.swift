// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import PEFT
internal import Tensors

/// The tensors of one module that an adapter changes.
public struct ModuleTensors: Sendable {
  /// The name of the module in the base model.
  public let name: String
  /// How many changes of other parameters of the module enclose this one: the `base_layer`
  /// components at the end of the path.
  let depth: Int

  private let adapter: Adapter
  /// The indices in the file, by the names below the module.
  private(set) var places: [String: Int] = [:]

  private static let modelPrefix = "base_model.model."
  private static let wrapper = "base_layer"

  /// The modules of an adapter in the order of the file.
  ///
  /// - Parameter prefix: the method's prefix of parameters, at which the path of the module ends.
  /// - Complexity: O(tensors).
  static func all(of adapter: Adapter, prefix: String) -> [ModuleTensors] {
    guard !prefix.isEmpty else { return [] }
    var modules: [ModuleTensors] = []
    var indices: [TensorName: Int] = [:]
    for index in 0..<adapter.weights.tensorCount {
      let name = adapter.weights.tensor(at: index).name
      guard let (path, leaf) = split(name.string, prefix: prefix) else { continue }
      let key = TensorName(path.dotted)
      let place: Int
      if let known = indices[key] {
        place = known
      } else {
        place = modules.count
        indices[key] = place
        modules.append(ModuleTensors(path, of: adapter))
      }
      modules[place].places[leaf] = index
    }
    return modules
  }

  private init(_ path: [Substring], of adapter: Adapter) {
    self.adapter = adapter
    depth = path.reversed().prefix { $0 == Self.wrapper }.count
    name = path.filter { $0 != Self.wrapper }.dotted
  }

  /// The components of a module's path and the rest of a name; nil for other tensors.
  private static func split(_ name: String, prefix: String) -> (path: [Substring], leaf: String)? {
    let path = name.hasPrefix(modelPrefix) ? name.dropFirst(modelPrefix.count) : name[...]
    let components = path.components
    guard let end = components.firstIndex(where: { $0.hasPrefix(prefix) }), end > 0 else {
      return nil
    }
    return (Array(components[..<end]), components[end...].dotted)
  }
}

extension ModuleTensors {
  /// The name of a tensor for messages and the order of lookups.
  func has(_ leaf: String) -> Bool { places[leaf] != nil }

  /// The extents of a tensor.
  ///
  /// - Throws: `missing` when the module has no such tensor, `mismatch` for another number of
  ///   extents or one of zero.
  ///
  /// - Parameter allowsNone: whether extents may be zero.
  func sizes(
    of leaf: String, rank: ClosedRange<Int>, allowsNone: Bool = false
  ) throws(CheckpointError) -> [Int] {
    let info = adapter.weights.tensor(at: try place(of: leaf))
    let sizes = info.shape.dimensions.compactMap { Int(exactly: $0) }
    guard rank.contains(info.shape.rank), sizes.count == info.shape.rank,
      sizes.allSatisfy({ $0 > 0 || allowsNone })
    else { throw misfit(leaf, "has the shape \(info.shape)") }
    return sizes
  }

  /// A view of a tensor.
  ///
  /// - Throws: as `sizes(of:rank:allowsNone:)`, and `unsupported` for elements that are not whole
  ///   bytes.
  func view(_ leaf: String, rank: ClosedRange<Int>) throws(CheckpointError) -> FactorView {
    _ = try sizes(of: leaf, rank: rank)
    return try FactorView(adapter.weights, at: try place(of: leaf))
  }

  /// The dtype of the tensor of the module that has the fewest bits.
  var coarsestDType: DType {
    let dtypes = places.values.map { adapter.weights.tensor(at: $0).dtype }
    return dtypes.min { ($0.bitCount, $0.name) < ($1.bitCount, $1.name) } ?? .float32
  }

  /// The elements of a tensor, rounded to the dtype of a computation.
  ///
  /// - Throws: `missing`, `unsupported` for a dtype that is not computed in.
  /// - Complexity: O(elements).
  func values(of leaf: String, in arithmetic: FloatFormat) throws(CheckpointError) -> [Double] {
    try adapter.values(at: try place(of: leaf), in: arithmetic)
  }

  /// The elements as a matrix with as many rows as the first extent.
  func matrix(
    _ leaf: String, transposed: Bool = false, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> BoundedMatrix {
    let sizes = try sizes(of: leaf, rank: 1...8)
    let matrix = BoundedMatrix(
      rowCount: sizes[0], width: sizes.dropFirst().reduce(1, *),
      values: try values(of: leaf, in: arithmetic), isExtended: arithmetic == .float64)
    return transposed ? matrix.transposed : matrix
  }

  private func place(of leaf: String) throws(CheckpointError) -> Int {
    guard let place = places[leaf] else {
      throw CheckpointError(
        .missing, "module \(name.printable) has no \(leaf)", path: adapter.weights.path,
        remedy: .validate(adapter.directory.path))
    }
    return place
  }

  /// An error about a tensor that does not fit.
  func misfit(_ leaf: String, _ message: String) -> CheckpointError {
    CheckpointError(
      .mismatch, message, path: adapter.weights.path,
      tensor: places[leaf].map { adapter.weights.tensor(at: $0).name },
      remedy: .validate(adapter.directory.path))
  }

  /// An error about a weight that the module does not change.
  func misfit(_ shape: Shape) -> CheckpointError {
    let factors = places.sorted { $0.key < $1.key }.map { leaf, place in
      "\(leaf) \(adapter.weights.tensor(at: place).shape)"
    }
    return CheckpointError(
      .mismatch,
      "a weight of the shape \(shape) does not fit \(name.printable) with "
        + factors.joined(separator: ", ").printable)
  }
}

extension Adapter {
  /// The elements of a tensor of the weights, rounded to a format.
  ///
  /// - Throws: `unsupported` for a dtype that is not computed in.
  func values(at index: Int, in arithmetic: FloatFormat) throws(CheckpointError) -> [Double] {
    let info = weights.tensor(at: index)
    guard let format = FloatFormat(info.dtype) else {
      throw CheckpointError(
        .unsupported, "is \(info.dtype), not F64, F32, BF16 or F16", path: weights.path,
        tensor: info.name)
    }
    return try weights.withTensor(at: index) { view throws(CheckpointError) in
      [Double](view.bytes, from: format, rounding: arithmetic)
    }
  }
}
