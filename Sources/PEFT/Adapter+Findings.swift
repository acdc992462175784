// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
public import Tensors

extension Adapter {
  /// Everything that can be found without running the adapter.
  ///
  /// - Parameters:
  ///   - options: what the adapter is checked against.
  ///   - readsValues: whether the data of the weights is read.
  /// - Throws: what reading the weights throws.
  /// - Complexity: O(bytes of the weights), O(tensors) without values.
  public func findings(
    _ options: FindingOptions = FindingOptions(), readsValues: Bool = true
  ) throws(CheckpointError) -> [Finding] {
    findings(options, surveys: readsValues ? try weights.surveyValues() : nil)
  }

  /// Everything that can be found, with surveys of the values of all tensors.
  ///
  /// - Parameter surveys: a survey for each tensor; nil for no findings about values.
  /// - Complexity: O(tensors).
  func findings(_ options: FindingOptions, surveys: [ValueSurvey]?) -> [Finding] {
    let known = findingsWithoutData(options)
    let findings =
      known.ofConfig + fileFindings + weights.fileFindings + weights.formatKeyFindings(.note)
      + known.ofForeignWeights
    guard let surveys else { return findings }
    return findings + weights.valueFindings(of: surveys) + zeroFindings(of: surveys)
  }
}

extension Adapter {
  private func findingsWithoutData(_ options: FindingOptions) -> FindingMemory.Findings {
    func read() -> [Finding] { config.readingFindings(options) }
    func find() -> FindingMemory.Findings {
      FindingMemory.Findings(
        ofReading: read(),
        ofTensors: config.findings(about: weights, options),
        ofForeignWeights: weights.foreignFindings(in: .adapter))
    }
    return options.memory?.findings(about: config, weights, reading: read, find) ?? find()
  }

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
          + "by this name",
        repairs: [.writeWeights(as: weights.format.adapterWeightsName ?? directory.weightsName)])
    ]
  }
}
