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
    [nonFiniteFinding(surveys)].compactMap(\.self) + ZeroTail.all(of: self, surveys).map(\.finding)
  }

  /// A finding about all values that are not finite, which names the first tensors that have some.
  private func nonFiniteFinding(_ surveys: [ValueSurvey]) -> Finding? {
    let wrong = surveys.indices.filter { surveys[$0].firstNonFinite != nil }
    guard let first = wrong.first else { return nil }
    let described = wrong.prefix(largestExampleCount).map { index in
      let survey = surveys[index]
      let info = tensor(at: index)
      let count =
        survey.nonFiniteCount == 1
        ? "one value that is NaN or infinite,"
        : "\(survey.nonFiniteCount) values that are NaN or infinite, the first"
      return
        "\(info.name) has \(count) at element \(survey.firstNonFinite ?? 0) of \(info.elementCount)"
    }
    let rest = wrong.count - described.count
    let more =
      rest == 0 ? "" : "; so \(rest == 1 ? "has" : "have") \(rest.counted("other tensor"))"
    return Finding(
      .error, "non-finite-values", described.joined(separator: "; ") + more,
      tensor: tensor(at: first).name)
  }
}

/// The tensors that are described by themselves.
private let largestExampleCount = 3
