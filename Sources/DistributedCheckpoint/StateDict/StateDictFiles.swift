// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// The files of a checkpoint of torch.distributed.checkpoint, open.
struct StateDictFiles {
  /// The directory.
  private let directory: String
  private var opened: [TensorName: InputFile] = [:]

  init(in directory: String) { self.directory = directory }

  /// All files, in the order of their names.
  var files: [InputFile] { opened.sorted { $0.key.text < $1.key.text }.map(\.value) }

  /// Opens the files of all places, each once, and checks that every place is within its file and has
  /// bytes of its own.
  ///
  /// - Throws: `missing` for absent files, `truncated` for a file that is too short, `malformed` for
  ///   places that overlap.
  /// - Complexity: O(places · log places).
  mutating func open(
    _ places: [StateDictMetadata.Key: StateDictMetadata.Place]
  ) throws(CheckpointError) {
    var byFile: [TensorName: [(key: TensorName, place: StateDictMetadata.Place)]] = [:]
    for (key, place) in places {
      byFile[TensorName(place.fileName), default: []].append((key.key, place))
    }
    let names = byFile.keys.sorted { $0.text < $1.text }
    for name in names {
      guard let file = try InputFile(existing: path(of: name.string)) else {
        throw missing(names.map(\.string))
      }
      opened[name] = file
      let entries = (byFile[name] ?? []).sorted { $0.place.start < $1.place.start }
      do throws(CheckpointError) {
        try Self.check(entries, in: file)
      } catch {
        throw error.inFile(file.path)
      }
    }
  }

  private static func check(
    _ entries: [(key: TensorName, place: StateDictMetadata.Place)], in file: InputFile
  ) throws(CheckpointError) {
    var end = 0
    for (key, place) in entries {
      guard place.start <= file.byteCount, place.byteCount <= file.byteCount - place.start else {
        throw CheckpointError(
          .truncated,
          "ends too early: a shard takes \(place.byteCount) bytes from byte "
            + "\(place.start) on, and the file has \(file.byteCount)", tensor: key,
          offset: file.byteCount,
          hint: "the file is probably an incomplete download; download it again")
      }
      guard place.start >= end || place.byteCount == 0 else {
        throw CheckpointError(
          .malformed, "two shards have the same bytes", tensor: key, offset: place.start)
      }
      end = max(end, place.start + place.byteCount)
    }
  }

  /// The part of a file that a place names, which `open` has checked.
  func section(
    _ place: StateDictMetadata.Place
  ) -> (file: InputFile, range: Range<Int>)? {
    opened[TensorName(place.fileName)].map {
      ($0, place.start..<place.start + place.byteCount)
    }
  }

  private func path(of name: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }

  private func missing(_ names: [String]) -> CheckpointError {
    let missing = names.filter { PathKind.existing(path(of: $0)) != .file }
    let list = missing.prefix(4).map { name in
      let isDirectory = PathKind.existing(path(of: name)) == .directory
      return name.printable + (isDirectory ? " (a directory)" : "")
    }.joined(separator: ", ")
    let rest = missing.count > 4 ? " and \(missing.count - 4) more" : ""
    return CheckpointError(
      .missing,
      "\(missing.count) of the \(names.count) files of the checkpoint "
        + (missing.count == 1 ? "is" : "are") + " missing: \(list)\(rest)",
      path: directory, hint: "download the missing files")
  }
}
