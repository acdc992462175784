// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Tensors

extension Adapter {
  /// Everything that can be found without running the adapter, values included.
  ///
  /// - Parameter options: what the adapter is checked against.
  /// - Throws: what reading the weights throws.
  /// - Complexity: O(bytes of the weights).
  public func findings(
    _ options: FindingOptions = FindingOptions()
  ) throws(CheckpointError) -> [Finding] {
    var findings = config.findings(with: weights, options) + fileFindings + weights.fileFindings
    findings += try weights.valueFindings()
    return findings
  }
}

extension Adapter {
  /// Findings about the names of the files (spec/adapter_config.md, C30 and C31).
  private var fileFindings: [Finding] {
    formatFindings
      + directory.supersededNames.map {
        Finding(
          .warning, "superseded-weights",
          "PEFT never reads \($0), since it prefers \(directory.weightsName)",
          repairs: [.removeFile($0)])
      }
  }

  /// Findings about a file that PEFT cannot load, because it goes by the name of the file.
  private var formatFindings: [Finding] {
    let loaded = AdapterDirectory.loadedVariants(ofWeights: directory.weightsName)
    guard !loaded.contains(weights.variant) else { return [] }
    let expected = loaded.map(\.name).joined(separator: " or ")
    return [
      Finding(
        .error, "format-mismatch",
        "\(directory.weightsName) is \(weights.variant.name), but PEFT loads only \(expected) "
          + "by this name")
    ]
  }
}
