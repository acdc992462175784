// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

/// The checkpoint files of a directory with their new names, and the files that are copied with
/// them (spec/bulk.md, B2 and B4 to B6).
struct FileCandidates {
  private let listing: DirectoryListing
  private let newExtension: [UInt8]
  /// The places of the files in the listing, in order.
  private let files: [Int]
  /// The places of the files that are copied.
  private let copies: Set<Int>
  /// For each file whose new name conflicts with another entry, the place of that entry.
  private let rivals: [Int: Int]
  private var position = 0

  /// Finds the files by their names.
  ///
  /// - Complexity: O(n log n); system calls for each symbolic link and each name that starts with
  ///   `._`.
  init(in listing: DirectoryListing, of root: String, target: any CheckpointFormat) {
    let newExtension = Array(target.fileExtension.utf8)
    let files = (0..<listing.count).filter { listing.isCheckpointFile(at: $0, in: root) }
    var rivals: [Int: Int] = [:]
    for file in files {
      // Directories keep their names.
      let name = Self.newName(for: listing.name(at: file), newExtension)
      if let directory = listing.index(of: name), listing.kind(at: directory) == .directory {
        rivals[file] = directory
      }
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
      Self.holdsConfig(listing) ? Self.others(than: files, in: listing, of: root) : []
    self.listing = listing
    self.newExtension = newExtension
    self.copies = Set(copies)
    self.files = (files + copies).sorted()
    self.rivals = rivals
  }

  /// The next file, and the entry that its new name conflicts with.
  mutating func next() -> (unit: ConversionUnit, rival: RelativePath?)? {
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
