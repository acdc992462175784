// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

extension MultitaskPromptTuningConfig {
  /// The config of an adapter that needs only its own files.
  ///
  /// PEFT reads the source checkpoint of the SOURCE initialisations again whenever it loads such an
  /// adapter, and accepts only one task for two of them, although the weights are complete. They
  /// become RANDOM without a path. The other initialisations and all other keys are kept.
  public var detachedFromSource: MultitaskPromptTuningConfig {
    var config = self
    if initialization?.readsSource == true {
      config.initialization = .random
      config[MultitaskPromptTuningFields.sourcePath] = nil
    }
    return config
  }

  /// The config as PEFT saves it: all keys of PEFT 0.21, for inference.
  ///
  /// Absent keys get PEFT's defaults, and `num_transformer_submodules` its value for the task. A
  /// null `peft_version` is kept: PEFT replaces it by its own when it loads the config.
  public var completed: MultitaskPromptTuningConfig {
    var config = self
    config.fill(from: MethodFields(.multitaskPromptTuning)?.defaults ?? JSONObject())
    config[BaseConfigFields.inferenceMode] = true
    config[MultitaskPromptTuningFields.submoduleCount] = submoduleCount
    return config
  }

  /// The config of a prompt tuning adapter with this one's prompt of one task: the keys that PEFT
  /// 0.21 writes for its `PromptTuningConfig`.
  ///
  /// The initialisation is RANDOM, which does not affect a trained prompt and needs no tokenizer.
  /// Other keys are not copied.
  public var promptTuning: AdapterConfig {
    var document = MethodFields(.promptTuning)?.defaults ?? JSONObject()
    for key in Array(document.keys) {
      if let value = adapterConfig.document[key] { document[key] = value }
    }
    var config = AdapterConfig(document: document)
    config.set(BaseConfigFields.peftType, to: PEFTType.promptTuning.rawValue)
    config.set(BaseConfigFields.inferenceMode, to: true)
    config.set(MultitaskPromptTuningFields.submoduleCount, to: submoduleCount)
    config.set(MultitaskPromptTuningFields.initialization, to: PromptInitialization.random.rawValue)
    for field in [
      MultitaskPromptTuningFields.initializationText, MultitaskPromptTuningFields.tokenizer,
    ] {
      config.set(field, to: nil)
    }
    config.set(MultitaskPromptTuningFields.tokenizerArguments, to: nil)
    return config
  }
}
