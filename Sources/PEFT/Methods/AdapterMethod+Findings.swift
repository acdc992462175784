// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension AdapterMethod {
  /// Findings about a config of the method, and about weights that go with it.
  ///
  /// - Parameter fieldFindings: the findings about single fields; the result continues them.
  /// - Complexity: O(keys + tensors); no tensor data is read.
  func findings(
    about adapterConfig: AdapterConfig, weights: (any TensorArchive)?, fieldFindings: [Finding]
  ) -> [Finding] {
    var findings = fieldFindings
    let config: Config?
    do throws(CheckpointError) {
      let typed = try self.config(adapterConfig)
      // A key that a finding about fields concerns is not reported again.
      let reported = Set(fieldFindings.compactMap(\.key).map { UTF8Text($0) })
      findings += crossFieldFindings(of: typed).filter {
        $0.key.map { !reported.contains(UTF8Text($0)) } ?? true
      }
      config = typed
    } catch {
      config = nil
      // A key of another type is a finding already.
      if !findings.contains(where: { $0.severity == .error || $0.code == "wrong-type" }) {
        findings.append(Finding(.error, "wrong-type", error.message))
      }
    }
    guard let weights else { return findings }
    return findings + weightFindings(in: weights, for: config)
  }

  /// Findings about weights, those about expected tensors among them.
  func weightFindings(in weights: any TensorArchive, for config: Config?) -> [Finding] {
    expectedTensors(for: config).findings(in: weights) + weightFindings(of: weights, for: config)
  }

  /// The sizes of an adapter, or why they are unknown.
  func summary(of adapter: Adapter) -> [String] {
    do throws(CheckpointError) {
      return summary(of: try config(adapter.config), weights: adapter.weights)
    } catch {
      return [error.message]
    }
  }
}
