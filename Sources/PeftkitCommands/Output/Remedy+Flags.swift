// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension CheckpointError.Remedy {
  /// The remedy in terms of the command line; libraries know no flags.
  var inFlags: String {
    switch self {
    case .overwrite: "--force replaces it"
    case .overwriteDirectory: "--force replaces it, with everything in it"
    case .resume: "--resume continues from there"
    case .resumeOrOverwrite: "--resume continues it, --force starts again"
    case .convertAlone: "without --recursive it is converted alone"
    case .convertWithoutRunning: "peftkit convert takes its tensors and runs nothing"
    case .skipUnsupported: "--skip-unsupported leaves such tensors out"
    case .allowEmpty: "--allow-empty writes an output without tensors"
    case .dropMetadata: "--drop-metadata converts the tensors without it"
    case .selectTensor: "--include NAME selects one"
    case .torchLayout(let layout): "--torch-layout \(layout) can hold it"
    case .chooseDType: "choose another --dtype"
    case .rewriteWithRoom:
      "without --in-place the file is rewritten; --reserve BYTES then makes room"
    case .validate(let path): "peftkit validate \(path) lists all findings"
    case .provideWordEmbeddings: "give them with --word-embeddings and --token-ids"
    case .provideSource: "--source names another"
    case .provideHeads:
      "name a checkpoint that contains them, such as the base model's, with --heads"
    case .provideBase: "name it with --base MODEL"
    case .saveOrSkipOthers: "--save-others saves their modules whole, --skip-others leaves them out"
    case .skipOthers: "--skip-others leaves them out"
    case .convertAdapter(let home): "peftkit convert --to \(home) converts it"
    case .downloadModel(let name, let revision):
      "hf download \(name)\(revision.map { " --revision " + $0 } ?? "") gets it"
    }
  }
}
