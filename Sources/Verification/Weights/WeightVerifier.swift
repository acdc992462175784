// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import LowRank
public import PEFT
public import Tensors

/// The weights of the base model as an adapter changes them (spec/low-rank.md).
public struct WeightVerifier: ReferenceVerifier {
  private let updates: AdapterUpdates
  /// The modules that the adapter replaces, or rows of them.
  private let whole: [String]

  /// Creates a verifier.
  ///
  /// - Returns: nil for an adapter of a method that does not change weights, or whose changes are
  ///   not computed.
  /// - Throws: what finding the modules throws.
  public init?(_ adapter: Adapter) throws(CheckpointError) {
    guard let updates = try AdapterUpdates(adapter) else { return nil }
    self.updates = updates
    whole = try Attachment(adapter.config, adapter.weights).wholeModules
  }

  public var layouts: [CaseLayout] { [.delta, .mergedWeight, .biasDelta] }
  public var rule: NumericRule { .roundingBound }

  public func uncoveredModules(by file: ReferenceFile) -> [String] {
    let covered = Set(file.cases.map { TensorName($0.name) })
    return updates.modules.filter { module in
      !updates.names(of: module).contains { covered.contains(TensorName($0)) }
    }.map(\.name) + whole.filter { !covered.contains(TensorName($0)) }
  }

  public func verify(
    _ reference: ReferenceFile.Case, of file: ReferenceFile, rule: VerificationRule
  ) throws(CheckpointError) -> CaseVerdict {
    do throws(CheckpointError) {
      let format = try FloatFormat(ofResult: reference.result)
      let extents = reference.result.shape.dimensions.compactMap { Int(exactly: $0) }
      guard extents.count == reference.result.shape.rank, extents.allSatisfy({ $0 > 0 }) else {
        throw CheckpointError(
          .mismatch, "has the shape \(reference.result.shape)", tensor: reference.result.name)
      }
      let changes = try changes(for: reference, in: format.computation)
      return try file.archive.withTensor(at: reference.resultIndex) {
        view throws(CheckpointError) in
        var first: CaseVerdict?
        for change in changes {
          var pass = try VerificationPass(
            reference, rule: rule,
            WeightEvaluator(change, weight: extents, arithmetic: format.computation))
          try compare(view, reference, of: file, &pass)
          let verdict = CaseVerdict(reference, pass.comparison)
          if verdict.holds { return verdict }
          first = first ?? verdict
        }
        guard let first else { preconditionFailure("a weight has at least one change") }
        return first
      }
    } catch {
      throw error.inContext("case \(reference.name)").inFile(file.archive.path)
    }
  }

  private func changes(
    for reference: ReferenceFile.Case, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange] {
    let shape = reference.result.shape
    guard reference.layout != .biasDelta else {
      let change = try updates.change(ofBias: reference.name, in: arithmetic)
      guard shape == Shape([change.width]) else {
        throw CheckpointError(
          .mismatch, "has the shape \(shape), but the bias of the adapter has [\(change.width)]",
          tensor: reference.result.name)
      }
      return [.addition(change)]
    }
    let changes = try updates.changes(ofWeight: reference.name, shape: shape, in: arithmetic)
    if reference.layout == .delta, changes.contains(where: \.needsBase) {
      throw CheckpointError(
        .mismatch, "the change of this weight depends on the weight",
        tensor: reference.result.name,
        hint: "the reference must have NAME.weight and NAME.base")
    }
    return changes
  }

  private func compare(
    _ view: TensorView, _ reference: ReferenceFile.Case, of file: ReferenceFile,
    _ pass: inout VerificationPass
  ) throws(CheckpointError) {
    guard let place = reference.places["base"] else { return pass.compareDelta(view) }
    let info = file.archive.tensor(at: place)
    guard let format = FloatFormat(info.dtype), info.shape == reference.result.shape else {
      throw CheckpointError(
        .mismatch,
        "is \(info.dtype) \(info.shape), but the weight is \(reference.result.dtype)"
          + " \(reference.result.shape)", tensor: info.name)
    }
    try file.archive.withTensor(at: place) { base in
      pass.compareWeight(view, base: base, format)
    }
  }
}
