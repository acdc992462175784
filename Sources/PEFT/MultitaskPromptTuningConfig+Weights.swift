// SPDX-License-Identifier: Apache-2.0
public import Archives

extension MultitaskPromptTuningConfig {
  /// Findings about the weights of an adapter with this config (spec/multitask-prompt-tuning.md, M4
  /// to M7).
  ///
  /// - Complexity: O(tensors); no tensor data is read.
  public func weightFindings(in weights: any TensorArchive) -> [Finding] {
    Attachment(AttachmentRules(MultitaskPromptTuningMethod(), adapterConfig), weights).findings
  }
}
