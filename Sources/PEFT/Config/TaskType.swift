// SPDX-License-Identifier: Apache-2.0

/// The task of the model with the adapter: `task_type`, PEFT's `TaskType`.
public enum TaskType: String, Sendable, CaseIterable {
  /// Text classification.
  case sequenceClassification = "SEQ_CLS"
  /// Sequence-to-sequence language modelling.
  case sequenceToSequence = "SEQ_2_SEQ_LM"
  /// Causal language modelling.
  case causalLanguageModel = "CAUSAL_LM"
  /// Token classification.
  case tokenClassification = "TOKEN_CLS"
  /// Question answering.
  case questionAnswering = "QUESTION_ANS"
  /// Hidden states as features.
  case featureExtraction = "FEATURE_EXTRACTION"

  /// The modules that PEFT saves along with an adapter for this task, by name: the heads, which are
  /// trained from scratch (PEFT's PeftModelFor… classes).
  public var headModules: [String] {
    switch self {
    case .sequenceClassification, .tokenClassification: ["classifier", "score"]
    case .questionAnswering: ["qa_outputs"]
    default: []
    }
  }
}
