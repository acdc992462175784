internal import Archives
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

/// One side of a comparison: an archive, and the config that goes with it in an adapter.
struct ComparedCheckpoint {
  let path: String
  let archive: any TensorArchive
  /// The config; nil for a file.
  let config: JSONObject?

  init(path: String) throws(CheckpointError) {
    self.path = path
    let checkpoint = try OpenedCheckpoint(path: path)
    archive = checkpoint.archive
    config = checkpoint.adapter?.config.document
  }
}
