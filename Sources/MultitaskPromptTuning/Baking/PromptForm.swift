// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Tensors
internal import TorchCheckpoint

/// How a baked prompt is written (spec/mpt-operations.md, O24 to O28).
public enum PromptForm: Sendable {
  /// A file of a format, whose only tensor is `prompt_embeddings`.
  case checkpoint(any CheckpointFormat)
  /// A file that `torch.load` reads as a tensor [V, D], not as a dict.
  case tensor
  /// A text file with the bytes of such a file in base64, in one line without an end: the value of
  /// `prompt_embeds` in a request to vLLM.
  case promptEmbeds
  /// A directory in the prefix store of TGIS: such a file of the rows before the input, `decoder.pt`,
  /// or `encoder.pt` for a model of encoder and decoder.
  case prefix

  /// The extension of file names; empty for directories.
  var fileExtension: String {
    switch self {
    case .checkpoint(let format): format.fileExtension
    case .tensor: ".pt"
    case .promptEmbeds: ".b64"
    case .prefix: ""
    }
  }
}
