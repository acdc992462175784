internal import Archives
internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

/// What a path that a command is given leads to: a file, an adapter or a model.
struct OpenedCheckpoint {
  /// What stands there, as `inspect --json` spells it.
  enum Kind: String {
    case file, adapter, model
  }

  let kind: Kind
  /// The tensors.
  let archive: any TensorArchive
  /// The config and all else of an adapter.
  let adapter: Adapter?
  /// The name of the file that holds the tensors of a directory, or of the index of several.
  let weightsName: String?

  /// Opens a path; no tensor data is read.
  init(path: String) throws(CheckpointError) {
    guard try PathKind(path: path) == .directory else {
      self.init(.file, try Checkpoint.open(path: path))
      return
    }
    guard AdapterDirectory.isAdapter(path) || !ModelDirectory.isModel(path) else {
      let model = try ModelDirectory(path: path)
      let archive = try Checkpoint.open(path: model.weightsPath)
      self.init(.model, archive, weightsName: model.weightsName)
      return
    }
    let adapter = try Adapter(path: path)
    self.init(
      .adapter, adapter.weights, adapter: adapter, weightsName: adapter.directory.weightsName)
  }

  private init(
    _ kind: Kind, _ archive: any TensorArchive, adapter: Adapter? = nil,
    weightsName: String? = nil
  ) {
    self.kind = kind
    self.archive = archive
    self.adapter = adapter
    self.weightsName = weightsName
  }

  /// What is odd about the files and does no harm.
  var notes: [String] {
    (archive as? ShardedArchive)?.notes.map(\.description) ?? []
  }
}
