// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Concurrency
internal import DistributedCheckpoint
internal import Files
internal import Tensors
internal import CheckpointScan

/// The scans of a file, or of the weights files in a directory and below it
/// (spec/scan.md, S4).
struct ScannedTree: Report {
  let path: String
  /// The scanned files, in the order of the walk.
  private(set) var files: [ScannedFile] = []
  /// The errors of files and directories that could not be read.
  private(set) var failures: [CheckpointError] = []
  /// The links to directories, which are not followed.
  private(set) var passedLinks: [String] = []
  /// Files of macOS metadata, in which nothing was found.
  private(set) var passedMetadata: [String] = []
  /// The files of snapshots in the Hub's cache that were scanned, by their blobs.
  private var blobs: Set<HubBlob> = []
  /// The number of files scanned so far.
  private let counter: ByteCounter
  /// The places in the files of shards of the directory that is scanned.
  private var places: PartPlaces?

  /// Scans a file, or all weights files of a directory.
  ///
  /// - Parameter counter: counts the scanned files of a directory.
  /// - Throws: what opening a single file or listing the directory throws; `missing` when there is no
  ///   weights file.
  init(path: String, counter: ByteCounter) throws(CheckpointError) {
    self.path = path
    self.counter = counter
    switch try OpenedPath(path) {
    case .file(let file): files = [try ScannedFile(file)]
    case .tree(let walk): try scan(walk)
    }
  }

  private mutating func scan(_ walk: consuming TreeWalk) throws(CheckpointError) {
    while let step = walk.next(entering: .all) {
      switch step {
      case .unreadable(_, let error): failures.append(error)
      case .directory(let listing):
        let parts = listing.distributedFiles(in: path)
        places = parts.first.flatMap {
          try? PartPlaces(nextTo: listing.path(at: $0).string(in: path))
        }
        for index in 0..<listing.count {
          scan(index, of: listing, isPart: parts.contains(index))
        }
      }
    }
    guard files.isEmpty, failures.isEmpty else { return }
    let extensions = CheckpointFormats.all.filter(\.isExpectedInTrees).flatMap(\.fileExtensions)
    throw CheckpointError(
      .missing, "contains no weights file (\(extensions.joined(separator: ", ")))", path: path)
  }

  /// Scans a weights file. A name with the extension of one that cannot be opened is a failure.
  private mutating func scan(_ index: Int, of listing: DirectoryListing, isPart: Bool) {
    let kind = listing.kind(at: index)
    guard kind != .directory else { return }
    let file = listing.path(at: index)
    if kind == .link, file.kind(in: path) == .directory {
      passedLinks.append(file.string(in: path))
      return
    }
    let format = CheckpointFormats.format(ofFileName: listing.text(at: index))
    guard format?.isExpectedInTrees == true || isPart else { return }
    if kind == .link, let blob = HubBlob(ofLink: file.string(in: path)),
      !blobs.insert(blob).inserted
    {
      return
    }
    do throws(CheckpointError) {
      let scanned = try ScannedFile(InputFile(file, in: path), places: places)
      counter.add(1)
      if Checkpoint.isAppleDouble(file, in: path), scanned.report.isUnrecognizedOnly {
        passedMetadata.append(scanned.path)
      } else {
        files.append(scanned)
      }
    } catch {
      failures.append(error)
    }
  }

  /// The worst verdict of all files.
  var verdict: ScanVerdict {
    let verdicts = files.map(\.report.verdict)
    if verdicts.contains(.asksForCode) { return .asksForCode }
    return verdicts.contains(.damaged) ? .damaged : .dataOnly
  }
}

extension DirectoryListing {
  /// The places of the files of a checkpoint of torch.distributed.checkpoint: shards, and metadata that
  /// Python would load as a pickle. Other programs have files of that name too.
  fileprivate func distributedFiles(in root: String) -> Set<Int> {
    let parts = (0..<count).filter { DistributedDirectory.isPart(text(at: $0)) }
    let metadata = (0..<count).filter { DistributedDirectory.isMetadata(text(at: $0)) }
    guard parts.isEmpty else { return Set(parts + metadata) }
    return Set(
      metadata.filter { index in
        guard let file = try? InputFile(path(at: index), in: root) else { return false }
        return CheckpointScanner.startsPickle(file)
      })
  }
}
