// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import TorchCheckpoint
internal import ZipArchive

extension Impostor {
  /// The largest index, in entries, that is read for the name of an archive.
  private static let entryLimit = 100_000

  /// An archive of other files, by their names; nil for one of torch, and for one whose index cannot be
  /// read.
  static func archive(_ file: InputFile, _ ends: FileEnds) -> Impostor? {
    if ends.head.starts(with: ZipFormat.fileSignature) {
      guard let end = try? ZipEnd(of: file), end.entryCount <= entryLimit,
        let index = try? ZipIndex(of: file, mindsCase: true)
      else { return nil }
      // macOS adds a file of metadata for each file.
      let names = index.entries.map(\.name).filter { !$0.hasPrefix("__MACOSX/") }
      return archive("zip", of: names)
    }
    guard let names = tarNames(file) else { return nil }
    return archive("tar", of: names)
  }

  private static func archive(
    _ kind: String, of names: [String]
  ) -> Impostor? {
    let plain = names.map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 }
    let last = Set(
      plain.map { $0.utf8.split(separator: 0x2F).last.map { String(Substring($0)) } ?? "" })
    // What its own reader says about it is better.
    guard !last.contains(where: { isOwn($0) }) else { return nil }
    if last.contains("model.weights.h5") {
      return Impostor(
        "a Keras model (.keras)",
        hint: "load it with Keras, and save its weights as safetensors or npz")
    }
    if last.contains("extern_modules") {
      return Impostor(
        "a torch.package, whose models are Python code",
        hint: "load it with torch.package, and save the state_dict() of its model")
    }
    if last.contains("version"), last.isSubset(of: torchNotes) {
      return Impostor(
        "what torch.save leaves when it fails, a zip archive without data.pkl",
        hint: "look for another copy, or save it again")
    }
    if last.contains("saved_model.pb") {
      return Impostor("a \(kind) archive with a TensorFlow SavedModel", hint: unpackFirst)
    }
    if last.contains("model_weights.ckpt") {
      return Impostor(
        "a NeMo model (a \(kind) archive)",
        hint: "unpack it, and name model_weights.ckpt in it")
    }
    let weights = plain.first {
      CheckpointFormats.format(ofFileName: $0)?.isExpectedInTrees == true
    }
    if let weights {
      return Impostor(
        "a \(kind) archive that contains \(weights.excerpt)",
        hint: unpackFirst)
    }
    guard let first = plain.first(where: { !$0.isEmpty && !$0.hasSuffix("/") }) else {
      return Impostor("an empty \(kind) archive")
    }
    return Impostor(
      "a \(kind) archive of other files, such as \(first.excerpt)",
      hint: unpackFirst)
  }

  /// The small records that torch writes beside a pickle.
  private static let torchNotes: Set = [
    "version", "byteorder", "serialization_id", ".format_version", ".storage_alignment",
  ]

  /// Whether an archive of torch or NumPy has a file of this name.
  private static func isOwn(_ name: String) -> Bool {
    name.lowercased() == "data.pkl" || name.hasSuffix(".npy") || TarMembers.names.contains(name)
  }

  /// The most members of a tar archive that are looked at.
  private static let memberLimit = 64

  /// The names of the first files; nil for a file that is not a tar archive.
  private static func tarNames(_ file: InputFile) -> [String]? {
    var names: [String] = []
    var offset = 0
    let size = TarHeader.blockByteCount
    while names.count < memberLimit, offset <= file.byteCount - size,
      let block = try? file.read(at: offset, count: size),
      let header = try? TarHeader(block, at: offset)
    {
      // Extended headers describe the member after them.
      if [UInt8(ascii: "0"), 0].contains(header.type) { names.append(header.name) }
      guard header.byteCount <= file.byteCount - offset - size else { break }
      offset += size + (header.byteCount + size - 1) / size * size
    }
    return names.isEmpty ? nil : names
  }
}
