// SPDX-License-Identifier: Apache-2.0
extension CheckpointError {
  /// An option of the failed operation that would let it succeed.
  ///
  /// Programs offer it in the terms of their own interface; the command line names a flag.
  public enum Remedy: Hashable, Sendable {
    /// Replace the existing output.
    case overwrite
    /// Replace the existing directory with everything in it.
    case overwriteDirectory
    /// Resume the run that wrote the outputs so far.
    case resume
    /// Resume the run that wrote the manifest, or replace the manifest.
    case resumeOrOverwrite
    /// Convert the path alone, not as a tree.
    case convertAlone
    /// Convert the file, which takes its tensors and runs nothing.
    case convertWithoutRunning
    /// Leave out tensors that the format cannot hold.
    case skipUnsupported
    /// Write an output without tensors.
    case allowEmpty
    /// Leave out the metadata.
    case dropMetadata
    /// Select a single tensor by its name.
    case selectTensor
    /// Write this torch layout.
    case torchLayout(String)
    /// Choose another dtype.
    case chooseDType
    /// Rewrite the whole file, with room in its header.
    case rewriteWithRoom
    /// Validate the adapter in this directory, to list all problems.
    case validate(String)
    /// Provide the word embeddings of the base model and the token ids of the text.
    case provideWordEmbeddings
    /// Provide another checkpoint to initialize from.
    case provideSource
    /// Provide a checkpoint that contains the heads, such as the base model's.
    case provideHeads
    /// Provide the base model of the adapter.
    case provideBase
    /// Save the modules of other tensors whole, or leave those out.
    case saveOrSkipOthers
    /// Leave out other tensors.
    case skipOthers
    /// Convert the adapter for this home of adapters, such as `peft`.
    case convertAdapter(String)
    /// Download a model of the Hub, at a revision if one is given.
    case downloadModel(String, revision: String?)
  }
}

extension CheckpointError {
  /// The hint and the remedy in one line; nil without either.
  ///
  /// - Parameter wording: words a remedy, by default with its description.
  public func advice(wording: (Remedy) -> String = \.description) -> String? {
    let parts = [hint, remedy.map(wording)].compactMap(\.self)
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }
}

extension CheckpointError.Remedy: CustomStringConvertible {
  /// An imperative clause, without a period.
  public var description: String {
    switch self {
    case .overwrite: "replace the existing output"
    case .overwriteDirectory: "replace the existing directory with everything in it"
    case .resume: "resume the run"
    case .resumeOrOverwrite: "resume the run, or replace its manifest"
    case .convertAlone: "convert it alone, not as a tree"
    case .convertWithoutRunning: "convert it, which takes its tensors and runs nothing"
    case .skipUnsupported: "leave out unsupported tensors"
    case .allowEmpty: "write an output without tensors"
    case .dropMetadata: "leave out the metadata"
    case .selectTensor: "select a single tensor"
    case .torchLayout(let layout): "write torch layout \(layout)"
    case .chooseDType: "choose another dtype"
    case .rewriteWithRoom: "rewrite the whole file, with room in its header"
    case .validate(let path): "validate \(path) to list all problems"
    case .provideWordEmbeddings: "provide word embeddings and token ids"
    case .provideSource: "provide another source"
    case .provideHeads: "provide a checkpoint that contains them, such as the base model's"
    case .provideBase: "provide the base model"
    case .saveOrSkipOthers: "save their modules whole, or leave them out"
    case .skipOthers: "leave them out"
    case .convertAdapter(let home): "convert it to \(home)"
    case .downloadModel(let name, let revision):
      "download \(name)" + (revision.map { " at revision \($0)" } ?? "")
    }
  }
}
