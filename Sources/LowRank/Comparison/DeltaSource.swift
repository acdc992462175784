// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
public import PEFT
public import Tensors

/// The updates of an adapter, as they are compared.
public struct DeltaSource: Sendable {
  let units: [DeltaUnit]
  let others: [LowRankAdapter.OtherTensor]
  /// The scales of modules whose factors are among the other tensors: those of LoHa and LoKr.
  let scales: [ModuleScale]

  /// The updates of an adapter in canonical form.
  ///
  /// - Throws: `mismatch` for factors that do not fit each other.
  /// - Complexity: O(modules); no tensor data is read.
  public init(_ adapter: LowRankAdapter) throws(CheckpointError) {
    self.init(
      units: try adapter.modules.map { module throws(CheckpointError) in try DeltaUnit(module) },
      others: adapter.others, scales: adapter.config.map { ModuleScale.all(of: adapter, $0) } ?? [])
  }

  /// The updates of an adapter of any method whose updates are products of two factors, such as AdaLoRA
  /// and LoHa.
  ///
  /// - Throws: `unsupported` for other methods, and what reading throws.
  /// - Complexity: O(elements of the factors).
  public init(_ adapter: Adapter) throws(CheckpointError) {
    guard try adapter.config.peftType != .lora else {
      try self.init(LowRankAdapter(adapter))
      return
    }
    let type = try adapter.config.peftType.rawValue
    func unsupported() -> CheckpointError {
      CheckpointError(
        .unsupported,
        "is a \(type) adapter, whose updates are not products of two factors: they are not compared",
        path: adapter.directory.configPath)
    }
    guard let updates = try AdapterUpdates(adapter) else { throw unsupported() }
    var units: [DeltaUnit] = []
    for module in updates.modules {
      guard case .addition(let delta)? = try updates.change(of: module, in: .float64),
        let (factors, scale) = delta.scaledFactors
      else { throw unsupported() }
      let part = DeltaPart(
        a: FactorMatrix(rows: factors.right, rank: factors.rank),
        b: FactorMatrix(columns: factors.left, rank: factors.rank), scale: scale,
        dtype: module.coarsestDType)
      let name = updates.names(of: module).first ?? module.name
      units.append(DeltaUnit(name: name, parts: [part], module: nil))
    }
    self.init(units: units, others: [], scales: [])
  }

  private init(
    units: [DeltaUnit], others: [LowRankAdapter.OtherTensor], scales: [ModuleScale]
  ) {
    self.units = units
    self.others = others
    self.scales = scales
  }
}

extension MatrixExpression {
  /// The matrix as a product of two factors and a number; nil for other expressions.
  fileprivate var scaledFactors: (FactorPair, Double)? {
    if case .scaled(let matrix, let scale) = self {
      return matrix.scaledFactors.map { ($0.0, $0.1 * scale) }
    }
    return factors.map { ($0, 1) }
  }
}
