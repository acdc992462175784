internal import NumPyArchive
internal import TorchCheckpoint

/// What the first bytes of a file show it to be.
enum FileSignature: Equatable {
  case safetensors
  /// A torch checkpoint that is no zip archive.
  case torch
  /// A zip archive: a torch checkpoint, or arrays of NumPy's.
  case zip
  case npy
  case other(Impostor)

  /// A kind of file that often stands where a checkpoint should.
  struct Impostor: Equatable {
    let name: String
    let hint: String?

    init(_ name: String, hint: String? = nil) {
      self.name = name
      self.hint = hint
    }

    /// A config, or an index whose name does not say so.
    static let json = Impostor(
      "a JSON file", hint: "name the weights file or the adapter directory")
  }

  /// The bytes that `init` looks at.
  static let prefixByteCount = 512

  /// Recognizes a file by its first bytes, never by its name.
  ///
  /// - Parameters:
  ///   - prefix: the first `prefixByteCount` bytes, fewer where the file is shorter.
  ///   - fileByteCount: the size of the file.
  init?(prefix: [UInt8], fileByteCount: Int) {
    if Self.isSafeTensors(prefix, fileByteCount: fileByteCount) {
      self = .safetensors
    } else if prefix.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
      self = .zip
    } else if TorchFile.recognizes(prefix) {
      self = .torch
    } else if NpyFile.recognizes(prefix) {
      self = .npy
    } else if let impostor = Self.impostor(prefix) {
      self = .other(impostor)
    } else {
      return nil
    }
  }

  /// A length that fits the file, then a header that begins as JSON objects do.
  private static func isSafeTensors(_ prefix: [UInt8], fileByteCount: Int) -> Bool {
    guard prefix.count > 8 else { return false }
    let length = prefix[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length >= 2, length <= UInt64(fileByteCount - 8) else { return false }
    let start = prefix[8...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return start == nil || start == UInt8(ascii: "{")
  }

  private static func impostor(_ prefix: [UInt8]) -> Impostor? {
    if prefix.isEmpty { return Impostor("an empty file", hint: fetchAgain) }
    if prefix.allSatisfy({ $0 == 0 }) {
      return Impostor("a file that starts with zeros only", hint: fetchAgain)
    }
    let text = String(decoding: prefix, as: UTF8.self)
    let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }.lowercased()
    if start.hasPrefix("version https://git-lfs") {
      return Impostor(
        "a Git LFS pointer, which stands for the real file",
        hint: "fetch the real one with: git lfs pull")
    }
    if start.hasPrefix("<!doctype") || start.hasPrefix("<html") || start.hasPrefix("<?xml") {
      return Impostor(
        "a web page",
        hint: "the download saved a page about the file; use the link to the file itself")
    }
    for (magic, name, hint) in binaries where prefix.starts(with: magic) {
      return Impostor(name, hint: hint)
    }
    if start.hasPrefix("{") || start.hasPrefix("[") { return .json }
    return nil
  }

  private static let fetchAgain = "the download probably failed; fetch the file again"
  private static let unpackFirst = "unpack it first"

  private static let binaries: [([UInt8], String, String?)] = [
    ([0x1F, 0x8B], "a gzip file", unpackFirst),
    ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", unpackFirst),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "an xz file", unpackFirst),
    ([0x28, 0xB5, 0x2F, 0xFD], "a zstd file", unpackFirst),
    ([0x42, 0x5A, 0x68], "a bzip2 file", unpackFirst),
    (Array("GGUF".utf8), "a GGUF model", nil),
    ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "an HDF5 file", nil),
    ([0x7F, 0x45, 0x4C, 0x46], "a program", nil),
    (Array("PYTORCH1".utf8), "a file of torch's preview format, which nothing reads", nil),
  ]
}
