// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension AdapterMethod {
  /// Findings about a config of the method, and about weights that go with it.
  ///
  /// - Complexity: O(keys + tensors); no tensor data is read.
  func findings(about adapterConfig: AdapterConfig, weights: (any TensorArchive)?) -> [Finding] {
    var findings = fieldFindings(of: adapterConfig)
    let config: Config?
    do throws(CheckpointError) {
      let typed = try self.config(adapterConfig)
      findings += crossFieldFindings(of: typed)
      config = typed
    } catch {
      config = nil
      // A key of another type is a finding already.
      if !findings.contains(where: { $0.severity == .error }) {
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

  /// Findings about single fields: keys of the wrong type, and keys that PEFT does not know.
  private func fieldFindings(of config: AdapterConfig) -> [Finding] {
    var findings: [Finding] = []
    for field in fields {
      do throws(CheckpointError) {
        try field.check(config.document)
      } catch {
        findings.append(Finding(.error, "wrong-type", error.message, key: field.key))
      }
    }
    guard listsAllFields else { return findings }
    let known = Set(fields.map { UTF8Text($0.key) })
    for member in config.document where member.key != "runtime_config" {
      guard !known.contains(UTF8Text(member.key)) else { continue }
      findings.append(
        Finding(
          .warning, "unknown-key",
          "unknown key \"\(member.key)\": PEFT drops it when it loads the config",
          key: member.key))
    }
    return findings
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
