// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors
package import ZipArchive

/// NumPy's format of several arrays, in a zip archive (spec/numpy.md).
public struct NpzFormat: NumPyFormat {
  /// How the arrays of written files are stored.
  public var compression: NpzCompression

  /// Describes the format.
  public init(compression: NpzCompression = .stored) {
    self.compression = compression
  }

  public var name: String { "npz" }
  public var fileExtensions: [String] { [".npz"] }
  public var variants: [FormatVariant] { [.npz] }

  public func with(_ setting: FormatSetting) -> Self? {
    setting == .compressed ? Self(compression: .deflated) : nil
  }

  /// Certain for a zip archive of arrays, possible for one with a damaged index.
  ///
  /// - Complexity: O(1) for what torch writes, else O(members).
  public func recognize(
    _ prefix: [UInt8], of file: InputFile
  ) throws(CheckpointError) -> FormatRecognition {
    guard prefix.starts(with: ZipFormat.fileSignature) else { return .no }
    // torch writes the pickle first.
    if prefix.count >= ZipFormat.localHeaderByteCount {
      let start = ZipFormat.localHeaderByteCount
      let end = min(prefix.count, start + Int(prefix[26]) + Int(prefix[27]) << 8)
      if Self.isTorchRecord(prefix[start..<end]) { return .no }
    }
    do throws(CheckpointError) {
      return Self.describes(try ZipIndex(of: file, mindsCase: true)) ? .certain : .no
    } catch {
      guard error.code != .system else { throw error }
      return .possible
    }
  }

  public func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    try NumPyFile(archive: file)
  }

  public func layout(
    of archive: any TensorArchive, order: StateDictOrder?, path: String
  ) throws(CheckpointError) -> FileLayout {
    let tensors = archive.tensors
    let layout = try NpzLayout(tensors: tensors, compression: compression)
    let ranges = tensors.indices.map { layout.dataRange(of: $0) }
    return FileLayout(
      ranges: ranges.contains(nil) ? nil : ranges.compactMap { $0 }, byteCount: layout.byteCount)
  }

  public func write(
    _ archive: any TensorArchive, order: StateDictOrder?, path: String, to output: inout AtomicFile
  ) throws(CheckpointError) {
    try NumPyWriter.writeArchive(archive, compression: compression, to: &output)
  }

  /// Whether a zip archive is NumPy's (spec/numpy.md, N1): it contains arrays, and no record by
  /// which torch recognizes its archives.
  package static func describes(_ index: ZipIndex) -> Bool {
    var hasArray = false
    for entry in index.entries {
      if isTorchRecord(entry.name.utf8) { return false }
      if NumPyContents.isArray(entry.name) { hasArray = true }
    }
    return hasArray
  }

  /// Whether a name is that of a pickle in torch's folder, which torch finds in either case of letters.
  private static func isTorchRecord(_ name: some BidirectionalCollection<UInt8>) -> Bool {
    guard let slash = name.firstIndex(of: UInt8(ascii: "/")) else { return false }
    let folded = name[slash...].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    return folded == Array("/data.pkl".utf8)
      || folded.suffix(14) == Array("/constants.pkl".utf8)[...]
  }
}

extension CheckpointFormat where Self == NpzFormat {
  /// NumPy's format of several arrays, written uncompressed.
  public static var npz: NpzFormat { NpzFormat() }
}

extension FormatVariant {
  /// A NumPy archive of arrays.
  public static let npz = FormatVariant("npz")
}
