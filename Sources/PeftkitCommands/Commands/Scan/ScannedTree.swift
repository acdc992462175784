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
  /// The number of files with names of other kinds than weights and texts have.
  private(set) var otherCount = 0
  /// The files of snapshots in the Hub's cache that were scanned, by their blobs.
  private var blobs: Set<HubBlob> = []
  /// Whether snapshots that are links to directories are entered.
  private let entersLinks: Bool
  /// The number of files scanned so far.
  private let counter: ByteCounter
  /// The places in the files of shards of the directory that is scanned.
  private var places: PartPlaces?

  /// Scans a file, or all weights files of a directory.
  ///
  /// - Parameter counter: counts the scanned files of a directory.
  /// - Throws: what opening a single file or listing the directory throws; `missing` when there is no
  ///   weights file.
  init(
    path: String, counter: ByteCounter, entersLinks: Bool = true
  ) throws(CheckpointError) {
    self.path = path
    self.entersLinks = entersLinks
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
        let shards = listing.shards(in: path)
        for index in 0..<listing.count {
          scan(index, of: listing, isNamed: parts.contains(index) || shards.contains(index))
        }
      }
    }
    guard files.isEmpty, failures.isEmpty, entersLinks else { return }
    let extensions = CheckpointFormats.all.flatMap(\.fileExtensions)
    throw CheckpointError(
      .missing, "contains no weights file (\(extensions.joined(separator: ", ")))", path: path)
  }

  /// Scans a weights file. A name with the extension of one that cannot be opened is a failure.
  private mutating func scan(_ index: Int, of listing: DirectoryListing, isNamed: Bool) {
    let kind = listing.kind(at: index)
    guard kind != .directory else { return }
    let file = listing.path(at: index)
    if kind == .link, file.kind(in: path) == .directory {
      let link = file.string(in: path)
      if entersLinks, listing.holdsSnapshots(in: path) {
        scan(snapshot: link)
      } else {
        passedLinks.append(link)
      }
      return
    }
    let name = listing.text(at: index)
    guard isNamed || TreeFile.isWeights(name) || places?.names(name) == true else {
      if !TreeFile.isText(name) { otherCount += 1 }
      return
    }
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

  /// The number of files with the worst verdict.
  var verdictCount: Int { files.count { $0.report.verdict == verdict } }

  /// Scans a snapshot of the Hub's cache that is a link to a directory; links below are not followed.
  private mutating func scan(snapshot link: String) {
    do throws(CheckpointError) {
      let snapshot = try Self(path: link, counter: counter, entersLinks: false)
      files += snapshot.files
      failures += snapshot.failures
      passedLinks += snapshot.passedLinks
      passedMetadata += snapshot.passedMetadata
      otherCount += snapshot.otherCount
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
  /// The places of the files that indices of shards name.
  fileprivate func shards(in root: String) -> Set<Int> {
    var shards: Set<Int> = []
    for index in 0..<count where text(at: index).hasSuffix(ShardIndex.nameSuffix) {
      guard let file = try? InputFile(path(at: index), in: root), let table = try? ShardIndex(file)
      else { continue }
      shards.formUnion(table.fileNames.compactMap { self.index(of: $0) })
    }
    return shards
  }

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
