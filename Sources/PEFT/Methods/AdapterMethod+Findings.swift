// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension AdapterMethod {
  /// Findings about a config of the method.
  ///
  /// - Parameter fieldFindings: the findings about single fields; the result continues them.
  /// - Complexity: O(keys).
  func findings(about config: AdapterConfig, fieldFindings: [Finding]) -> [Finding] {
    var findings = fieldFindings
    do throws(CheckpointError) {
      // A key that a finding about fields concerns is not reported again.
      let reported = Set(
        fieldFindings.filter { $0.severity != .note }.compactMap(\.key).map { UTF8Text($0) })
      findings += crossFieldFindings(of: try self.config(config)).filter {
        $0.key.map { !reported.contains(UTF8Text($0)) } ?? true
      }
    } catch {
      // A key of another type is a finding already.
      if !findings.contains(where: { $0.severity == .error || $0.code == "wrong-type" }) {
        findings.append(Finding(.error, "wrong-type", error.message))
      }
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
