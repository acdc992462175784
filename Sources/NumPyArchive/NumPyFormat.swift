// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Tensors

/// What NumPy's two formats have in common (spec/numpy.md).
public protocol NumPyFormat: CheckpointFormat {}

extension NumPyFormat {
  public var modelStem: String? { nil }
  /// False: trees are full of arrays that are not weights.
  public var isExpectedInTrees: Bool { false }
  /// False: an array of Python objects is a pickle.
  public var isDataOnly: Bool { false }
  public var keepsTensorOrder: Bool { true }
  public var holdsMetadata: Bool { false }

  public func storedDType(for dtype: DType) -> DType? { NumPyWriter.dtype(for: dtype) }
}
