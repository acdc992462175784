// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import PEFT
internal import Tensors

/// How a method changes weights: reads the change of a module from its tensors.
protocol UpdateMethod: Sendable {
  /// Reads what is common to all modules.
  ///
  /// - Throws: `missing` or `mismatch` when the adapter lacks it.
  init(_ adapter: Adapter) throws(CheckpointError)

  /// The names under which a weight of a module is known: its own for most.
  func names(of module: ModuleTensors) -> [String]

  /// The changes of a weight that its shape leaves open, the likeliest first: of a square weight the
  /// files may not tell the orientation.
  ///
  /// - Parameters:
  ///   - name: one of the names of the module.
  ///   - shape: the shape of the weight; nil for the orientation of the factors.
  ///   - arithmetic: F32 or F64, to which factors are rounded first.
  /// - Returns: at least one; none without a shape where it is needed.
  /// - Throws: `mismatch` when tensors and shape do not fit.
  func changes(
    of module: ModuleTensors, as name: String, shape: Shape?, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange]

  /// The scale of a module; nil for methods without one.
  func scale(of name: String) throws(CheckpointError) -> LoRAScale?

  /// What is added to the bias; nil for nothing.
  func biasChange(
    of module: ModuleTensors, as name: String, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> MatrixExpression?
}

extension UpdateMethod {
  func names(of module: ModuleTensors) -> [String] { [module.name] }

  func scale(of name: String) throws(CheckpointError) -> LoRAScale? { nil }

  func biasChange(
    of module: ModuleTensors, as name: String, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> MatrixExpression? { nil }
}
