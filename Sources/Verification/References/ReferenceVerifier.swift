// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// What an adapter computes, to be compared with references: one type for each family of methods.
public protocol ReferenceVerifier: Sendable {
  /// The cases that the method has.
  var layouts: [CaseLayout] { get }
  /// What the rule `numerics` demands.
  var rule: NumericRule { get }

  /// Compares a case with what the adapter computes.
  ///
  /// - Throws: `mismatch`, `missing` or `invalidArgument` when the case does not fit the adapter,
  ///   `unsupported` for a dtype that is not computed in, `system` when a file cannot be mapped.
  func verify(
    _ reference: ReferenceFile.Case, of file: ReferenceFile, rule: VerificationRule
  ) throws(CheckpointError) -> CaseVerdict

  /// The modules that the adapter changes and no case covers.
  func uncoveredModules(by file: ReferenceFile) -> [String]
}

extension ReferenceVerifier {
  public func uncoveredModules(by file: ReferenceFile) -> [String] { [] }
}
