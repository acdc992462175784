// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import DistributedCheckpoint
internal import Files
internal import PEFT
internal import Tensors

/// The checkpoint files of a directory with their new names, the checkpoint that several of them are
/// together, and the files that are copied with them (spec/bulk.md, B2 and B4 to B6).
struct FileCandidates {
  private let listing: DirectoryListing
  private let newExtension: [UInt8]
  /// The places of the files in the listing, in order.
  private let files: [Int]
  /// The places of the files that are copied.
  private let copies: Set<Int>
  /// For each file whose new name conflicts with another entry, the place of that entry.
  private let rivals: [Int: Int]
  /// The checkpoint of several processes, and the place of the entry that has its new name.
  private var distributed: (unit: ConversionUnit, rival: Int?)?
  private var position = 0

  /// Finds the files by their names.
  ///
  /// - Complexity: O(n log n); system calls for each symbolic link and each name that starts with
  ///   `._`.
  init(in listing: DirectoryListing, of root: String, target: any CheckpointFormat) {
    let newExtension = Array(target.fileExtension.utf8)
    let parts = Self.parts(in: listing, of: root)
    let files = (0..<listing.count).filter {
      !parts.contains($0) && listing.isCheckpointFile(at: $0, in: root)
    }
    var rivals: [Int: Int] = [:]
    for file in files {
      // Directories keep their names.
      let name = Self.newName(for: listing.name(at: file), newExtension)
      rivals[file] = Self.directory(named: name, in: listing)
    }
    // All get the same extension, so files with equal stems conflict.
    let stems = files.map { Self.stem(of: listing.name(at: $0)) }
    let byStem = files.indices.sorted { left, right in
      stems[left].lexicographicallyPrecedes(stems[right])
        || stems[left].elementsEqual(stems[right]) && left < right
    }
    for (left, right) in zip(byStem, byStem.dropFirst())
    where stems[left].elementsEqual(stems[right]) {
      rivals[files[left]] = rivals[files[left]] ?? files[right]
      rivals[files[right]] = files[left]
    }
    let copies =
      Self.holdsConfig(listing) ? Self.others(than: files + parts, in: listing, of: root) : []
    if !parts.isEmpty {
      let name = Array(Self.distributedStem.utf8) + newExtension
      let rival = files.first {
        Self.newName(for: listing.name(at: $0), newExtension).elementsEqual(name)
      }
      let unit = ConversionUnit(
        kind: .distributed, source: listing.path,
        destination: listing.path(at: parts[0]).replacingName(with: name),
        weights: parts.map(listing.path(at:)), listing: nil)
      if let rival { rivals[rival] = parts[0] }
      distributed = (unit, rival ?? Self.directory(named: name, in: listing))
    }
    self.listing = listing
    self.newExtension = newExtension
    self.copies = Set(copies)
    self.files = (files + copies).sorted()
    self.rivals = rivals
  }

  /// The next file, and the entry that its new name conflicts with.
  mutating func next() -> (unit: ConversionUnit, rival: RelativePath?)? {
    if let (unit, rival) = distributed {
      distributed = nil
      return (unit, rival.map(listing.path(at:)))
    }
    guard position < files.count else { return nil }
    let index = files[position]
    position += 1
    let source = listing.path(at: index)
    if copies.contains(index) {
      let unit = ConversionUnit(
        kind: .copy, source: source, destination: source, weights: [source], listing: nil)
      return (unit, nil)
    }
    let name = Self.newName(for: listing.name(at: index), newExtension)
    let unit = ConversionUnit(
      kind: .file, source: source, destination: source.replacingName(with: name),
      weights: [source], listing: nil)
    return (unit, rivals[index].map(listing.path(at:)))
  }

  private static func directory(named name: [UInt8], in listing: DirectoryListing) -> Int? {
    guard let index = listing.index(of: name), listing.kind(at: index) == .directory else {
      return nil
    }
    return index
  }

  /// The name of the file that a checkpoint of several processes becomes, without its extension.
  private static let distributedStem = "model"

  /// Whether a directory is a checkpoint of several processes.
  static func isDistributed(_ listing: DirectoryListing, in root: String) -> Bool {
    !parts(in: listing, of: root).isEmpty
  }

  /// The places of the files of a checkpoint of several processes; none when the directory has none, or
  /// is that of an adapter or a model.
  private static func parts(in listing: DirectoryListing, of root: String) -> [Int] {
    func hasFile(_ name: String) -> Bool { listing.file(named: name, in: root) != nil }
    guard !hasFile(AdapterConfig.fileName), !ModelDirectory.weightsNames.contains(where: hasFile)
    else { return [] }
    let files = (0..<listing.count).filter { listing.kind(at: $0) != .directory }
    return DistributedDirectory.files(among: files.map(listing.text(at:))).map { files[$0] }
  }

  /// The configs that MLX and AdapterHub write; the second one is that of a head.
  private static let configNames = [AdapterConfig.fileName, "head_config.json"]

  private static func holdsConfig(_ listing: DirectoryListing) -> Bool {
    configNames.contains { name in
      listing.index(of: name).map { listing.kind(at: $0) != .directory } ?? false
    }
  }

  /// The files to copy: those that are not converted, without the manifests of earlier runs.
  private static func others(
    than files: [Int], in listing: DirectoryListing, of root: String
  ) -> [Int] {
    let converted = Set(files)
    return (0..<listing.count).filter { index in
      guard !converted.contains(index), !ManifestName.isManifest(listing.text(at: index)) else {
        return false
      }
      switch listing.kind(at: index) {
      case .directory: return false
      case .link: return listing.path(at: index).kind(in: root) != .directory
      case .file, .other: return true
      }
    }
  }

  private static func newName(for name: ArraySlice<UInt8>, _ newExtension: [UInt8]) -> [UInt8] {
    stem(of: name) + newExtension
  }

  /// The name without its extension; a name that consists of an extension only is kept.
  private static func stem(of name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else {
      return name
    }
    return name[..<dot]
  }
}
