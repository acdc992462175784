// SPDX-License-Identifier: Apache-2.0
public import Archives
package import Kernels
public import Tensors

extension TensorArchive {
  /// Findings about values, for a checkpoint of any kind (spec/findings.md, G4 and G5).
  ///
  /// - Throws: what reading the data throws.
  /// - Complexity: O(bytes), in constant memory. Each value is read once.
  public func valueFindings() throws(CheckpointError) -> [Finding] {
    valueFindings(of: try surveyValues())
  }

  /// Findings about values, from surveys of all tensors.
  package func valueFindings(of surveys: [ValueSurvey]) -> [Finding] {
    surveys.indices.compactMap { nonFiniteFinding(at: $0, surveys[$0]) }
      + ZeroTail.all(of: self, surveys).map(\.finding)
  }

  private func nonFiniteFinding(at index: Int, _ survey: ValueSurvey) -> Finding? {
    guard let first = survey.firstNonFinite else { return nil }
    let info = tensor(at: index)
    let count =
      survey.nonFiniteCount == 1
      ? "one value that is NaN or infinite,"
      : "\(survey.nonFiniteCount) values that are NaN or infinite, the first"
    return Finding(
      .error, "non-finite-values",
      "\(info.name) has \(count) at element \(first) of \(info.elementCount)", tensor: info.name)
  }
}
