// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A kind of file that is often found in the place of a checkpoint.
struct Impostor: Equatable {
  /// The kind, with an article, such as `a web page`.
  let name: String
  /// How to get the checkpoint.
  let hint: String?

  init(_ name: String, hint: String? = nil) {
    self.name = name
    self.hint = hint
  }

  /// A config, or an index whose name does not say so.
  static let json = Impostor(
    "a JSON file", hint: "name the weights file or the adapter directory")

  /// The files that macOS puts next to others where it cannot store their metadata.
  static let appleDouble = Impostor(
    "an AppleDouble file (macOS metadata)",
    hint: "delete it, and name the file without \"._\" in front")

  /// Recognizes a file that no format recognizes by its first bytes, never by its name.
  ///
  /// - Parameter prefix: the first `FormatRecognition.prefixByteCount` bytes, fewer where the file
  ///   is shorter.
  init?(_ prefix: [UInt8]) {
    let text = String(decoding: prefix, as: UTF8.self)
    let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }.lowercased()
    if prefix.isEmpty {
      self.init("an empty file", hint: Self.fetchAgain)
    } else if prefix.allSatisfy({ $0 == 0 }) {
      self.init("a file that starts with zeros only", hint: Self.fetchAgain)
    } else if start.hasPrefix("version https://git-lfs") {
      self = .lfsPointer(start)
    } else if ["<!doctype", "<html", "<?xml"].contains(where: start.hasPrefix) {
      self.init(
        "a web page",
        hint: "the download saved a page about the file; use the link to the file itself")
    } else if prefix.starts(with: GGUFPreface.magic) {
      self = GGUFPreface(prefix).impostor
    } else if let binary = Self.binaries.first(where: { prefix.starts(with: $0.magic) }) {
      self = binary.impostor
    } else if start.hasPrefix("{") || start.hasPrefix("[") {
      self = .json
    } else {
      return nil
    }
  }

  /// A text file that git keeps in place of a large one, whose size it gives.
  private static func lfsPointer(_ text: String) -> Impostor {
    let sizes = text.split(whereSeparator: \.isNewline).compactMap { line in
      line.hasPrefix("size ") ? UInt64(line.dropFirst("size ".count)) : nil
    }
    let target = sizes.first.map { " to a file of \($0) byte\($0 == 1 ? "" : "s")" } ?? ""
    return Impostor(
      "a Git LFS pointer" + target, hint: "fetch the file that it points to with: git lfs pull")
  }

  private static let fetchAgain = "the download probably failed; download the file again"
  static let unpackFirst = "unpack it first"

  private static let binaries: [(magic: [UInt8], impostor: Impostor)] = [
    ([0x00, 0x05, 0x16, 0x07], .appleDouble),
    ([0x1F, 0x8B], Impostor("a gzip file", hint: unpackFirst)),
    ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], Impostor("a 7z archive", hint: unpackFirst)),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A], Impostor("an xz file", hint: unpackFirst)),
    ([0x28, 0xB5, 0x2F, 0xFD], Impostor("a zstd file", hint: unpackFirst)),
    ([0x42, 0x5A, 0x68], Impostor("a bzip2 file", hint: unpackFirst)),
    ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], Impostor("an HDF5 file")),
    ([0x7F, 0x45, 0x4C, 0x46], Impostor("a program")),
    (Array("PYTORCH1".utf8), Impostor("a file of torch's preview format, which nothing reads")),
  ]
}
