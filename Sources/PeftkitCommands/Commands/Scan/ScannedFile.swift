// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import DistributedCheckpoint
internal import Files
internal import Tensors
internal import CheckpointScan

/// The scan of a file.
struct ScannedFile {
  let path: String
  let report: ScanReport

  /// Scans a file.
  ///
  /// - Throws: `missing`, `system`, `truncated` or `invalidArgument` when it cannot be read.
  init(_ file: InputFile) throws(CheckpointError) {
    let places = file.isPart ? try? PartPlaces(nextTo: file.path) : nil
    try self.init(file, places: places)
  }

  /// Scans a file.
  ///
  /// - Parameter places: what the metadata in its directory say of files of shards.
  init(_ file: InputFile, places: PartPlaces?) throws(CheckpointError) {
    path = file.path
    if file.isPart || places?.names(file.path) == true && !TreeFile.isWeights(file.path) {
      report = try CheckpointScanner.scan(file, places: places)
      return
    }
    if let format = try CheckpointFormats.format(of: file), format.isDataOnly,
      let archive = try? format.open(file)
    {
      report = try CheckpointScanner.scan(file, acceptedAs: archive.variant)
      return
    }
    let report = try CheckpointScanner.scan(file)
    guard report.isUnrecognized else {
      self.report = report
      return
    }
    do throws(CheckpointError) {
      _ = try Checkpoint.open(file)
      self.report = report
    } catch {
      self.report = report.explaining(error.message)
    }
  }
}

extension InputFile {
  /// Whether the file has shards of a checkpoint of torch.distributed.checkpoint.
  fileprivate var isPart: Bool { DistributedDirectory.refusal(of: path) != nil }
}
