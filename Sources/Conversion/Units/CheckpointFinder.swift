// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Checkpoints
public import Files
internal import PEFT
public import Tensors

/// Finds the units of a tree, in an order that depends on names only (spec/bulk.md, B1 to B8).
public struct CheckpointFinder: Sendable {
  /// An item of the walk.
  public enum Item: Sendable {
    /// A unit to convert.
    case unit(ConversionUnit)
    /// A unit whose output would have the name of another, and the error.
    case conflict(ConversionUnit, CheckpointError)
    /// A directory that cannot be listed, and the error.
    case unreadable(RelativePath, CheckpointError)
  }

  private let target: any CheckpointFormat
  private let shard: WorkPartition?
  private var walk: TreeWalk
  private var candidates: FileCandidates?

  /// Starts a walk at the root of a tree.
  ///
  /// - Parameters:
  ///   - root: the directory of the tree.
  ///   - target: the output format, which decides the names of outputs.
  ///   - shard: the part of the work to find; nil finds all of it.
  /// - Throws: `missing` or `system` when `root` cannot be listed; `invalidArgument` when it is
  ///   itself an adapter or a model.
  public init(
    in root: String, target: any CheckpointFormat, shard: WorkPartition? = nil
  ) throws(CheckpointError) {
    self.target = target
    self.shard = shard
    walk = try TreeWalk(of: root)
    guard case .directory(let listing)? = walk.next(entering: .current) else { return }
    guard Self.unit(at: listing, in: root) == nil else {
      throw CheckpointError(
        .invalidArgument, "is an adapter or a model, not a tree of them", path: root,
        hint: "name its parent directory to convert that as a tree", remedy: .convertAlone)
    }
    guard !FileCandidates.isDistributed(listing, in: root) else {
      throw CheckpointError(
        .invalidArgument, "is a checkpoint of several processes, not a tree of checkpoints",
        path: root, hint: "name its parent directory to convert that as a tree",
        remedy: .convertAlone)
    }
    candidates = FileCandidates(in: listing, of: root, target: target)
  }

  /// The next item; nil at the end.
  ///
  /// - Complexity: that of `TreeWalk.next()` for each directory; besides, one system call for each
  ///   symbolic link that has the name of a checkpoint.
  public mutating func next() -> Item? {
    while true {
      if let (unit, rival) = candidates?.next() {
        guard contains(unit) else { continue }
        guard let rival else { return .unit(unit) }
        return .conflict(unit, conflict(unit, rival))
      }
      switch walk.next(entering: .current) {
      case nil: return nil
      case .unreadable(let path, let error): return .unreadable(path, error)
      case .directory(let listing):
        if let unit = Self.unit(at: listing, in: walk.root) {
          walk.skipSubdirectories()
          candidates = nil
          if contains(unit) { return .unit(unit) }
        } else {
          candidates = FileCandidates(in: listing, of: walk.root, target: target)
        }
      }
    }
  }

  private func contains(_ unit: ConversionUnit) -> Bool {
    shard?.contains(unit.source) ?? true
  }

  private func conflict(_ unit: ConversionUnit, _ rival: RelativePath) -> CheckpointError {
    CheckpointError(
      .mismatch, "conflicts with \(rival.name): both would become \(unit.destination.name)",
      path: unit.source.string(in: walk.root), hint: "rename one of them, or move it elsewhere")
  }

  /// The unit that consists of a whole directory; nil if the directory is not one.
  private static func unit(at listing: DirectoryListing, in root: String) -> ConversionUnit? {
    func place(of name: String) -> RelativePath? { listing.file(named: name, in: root) }
    if place(of: AdapterConfig.fileName) != nil,
      let weights = AdapterDirectory.weightsNames.lazy.compactMap(place).first
    {
      return ConversionUnit(
        kind: .adapter, source: listing.path, destination: listing.path, weights: [weights],
        listing: listing)
    }
    guard listing.isModel(in: root) else { return nil }
    let files = (0..<listing.count).filter {
      let kind = listing.kind(at: $0)
      return kind == .file || kind == .link
    }
    let weights = files.filter {
      let name = listing.text(at: $0)
      return CheckpointFormats.format(ofFileName: name) != nil
        || name.hasSuffix(ShardIndex.nameSuffix)
    }
    return ConversionUnit(
      kind: .model, source: listing.path, destination: listing.path,
      weights: weights.map(listing.path(at:)), listing: listing)
  }
}
