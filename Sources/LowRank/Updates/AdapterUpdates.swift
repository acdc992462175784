// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Kernels
public import PEFT
public import Tensors

/// The changes that an adapter makes to weights of its base model, module by module
/// (spec/low-rank.md, U1).
public struct AdapterUpdates: Sendable {
  /// The modules, in the order of the file.
  public let modules: [ModuleTensors]

  private let method: any UpdateMethod
  private let adapter: Adapter
  /// The modules by the names of their weights. A name has several where the file does not tell
  /// which of the module's parameters its factors belong to.
  private let places: [TensorName: [Int]]

  /// The methods whose changes are computed, by `peft_type`.
  private static let methods: KeyValuePairs<String, any UpdateMethod.Type> = [
    "LORA": LoRAUpdate.self, "ADALORA": AdaLoRAUpdate.self, "LOHA": LoHaUpdate.self,
    "LOKR": LoKrUpdate.self,
    "VERA": VeRAUpdate.self, "IA3": IA3Update.self, "MISS": MiSSUpdate.self,
  ]

  /// The `peft_type` of each method whose changes are computed.
  public static var types: [String] { methods.map(\.key) }

  /// Finds the modules of an adapter.
  ///
  /// - Returns: nil for a method whose changes are not computed.
  /// - Throws: `missing` or `mismatch` when the config or tensors that all modules need are wrong.
  /// - Complexity: O(tensors); no tensor data is read.
  public init?(_ adapter: Adapter) throws(CheckpointError) {
    let description = try adapter.config.method
    let type = description.type.rawValue
    guard let method = Self.methods.first(where: { $0.key == type }) else { return nil }
    self.method = try method.value.init(adapter)
    self.adapter = adapter
    modules = ModuleTensors.all(of: adapter, prefix: description.parameterPrefix)
    var places: [TensorName: [Int]] = [:]
    for (index, module) in modules.enumerated() {
      for name in self.method.names(of: module) {
        places[TensorName(name), default: []].append(index)
      }
    }
    self.places = places
  }

  /// The names under which the weights of a module are known; several for a module whose
  /// parameters are adapted and not named in the file.
  public func names(of module: ModuleTensors) -> [String] { method.names(of: module) }

  /// The possible changes of a weight, the likeliest first: the files do not give the orientation of a
  /// square weight where a model has both kinds.
  ///
  /// - Parameters:
  ///   - name: the name of the module in the base model, or of a parameter.
  ///   - shape: the shape of the weight.
  ///   - arithmetic: F32 or F64, to which the factors are rounded first.
  /// - Returns: at least one.
  /// - Throws: `missing` when the adapter does not change a weight of that name, `mismatch` when its
  ///   tensors do not fit each other, the config or the shape.
  /// - Complexity: O(elements of the factors).
  public func changes(
    ofWeight name: String, shape: Shape, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange] {
    var failure: CheckpointError?
    for module in try candidates(for: name) {
      do throws(CheckpointError) {
        return try method.changes(of: module, as: name, shape: shape, in: arithmetic)
      } catch {
        failure = failure ?? error
      }
    }
    throw failure ?? missing(name)
  }

  /// What the adapter adds to a bias, a matrix of one row.
  ///
  /// - Throws: as `changes(ofWeight:shape:in:)`; `missing` when it changes no bias.
  public func change(
    ofBias name: String, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> MatrixExpression {
    for module in try candidates(for: name) {
      if let change = try method.biasChange(of: module, as: name, in: arithmetic) { return change }
    }
    throw CheckpointError(
      .missing, "the adapter does not change the bias of \(name.printable)",
      path: adapter.weights.path)
  }

  /// The change of a module in the orientation of its factors.
  ///
  /// - Returns: nil where the shape of the weight is needed, which the file does not tell.
  /// - Throws: `mismatch` when its tensors do not fit each other or the config.
  public func change(
    of module: ModuleTensors, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> WeightChange? {
    let name = method.names(of: module).first ?? module.name
    return try method.changes(of: module, as: name, shape: nil, in: arithmetic).first
  }

  /// The scale of a module; nil for methods without one.
  ///
  /// - Throws: `mismatch` when the config does not tell it.
  public func scale(of module: ModuleTensors) throws(CheckpointError) -> LoRAScale? {
    try method.scale(of: method.names(of: module).first ?? module.name)
  }

  private func candidates(for name: String) throws(CheckpointError) -> [ModuleTensors] {
    guard let found = places[TensorName(name)] else { throw missing(name) }
    return found.map { modules[$0] }
  }

  private func missing(_ name: String) -> CheckpointError {
    CheckpointError(
      .missing, "the adapter does not change \(name.printable)", path: adapter.weights.path)
  }
}
