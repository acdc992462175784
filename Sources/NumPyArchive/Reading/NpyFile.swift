// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// A `.npy` file, open for reading: the one array that `numpy.save` wrote (spec/numpy.md).
///
/// The format has no name for the array; the tensor has the name of the file without its extension:
/// that of `embeddings.npy` is `embeddings`. Opening reads the header with read calls and nothing
/// else. Python objects are refused: nothing in a file is ever evaluated or executed.
public final class NpyFile: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// Always nil: the format has no metadata.
  public var metadata: ArchiveMetadata? { nil }
  /// Always 1.
  public var tensorCount: Int { 1 }

  private let file: InputFile
  private let name: TensorName
  private let array: NpyArray
  private let map: LazyMapping

  /// Opens a file.
  ///
  /// - Throws: `missing`, `system` or `invalidArgument` when it cannot be read; `truncated` or
  ///   `malformed`, with the byte, when it is not a valid array; `unsupported` for elements that
  ///   tensors do not have.
  /// - Complexity: O(header).
  public convenience init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  /// Reads an open file.
  ///
  /// - Throws: as `init(path:)`.
  public init(_ file: InputFile) throws(CheckpointError) {
    self.file = file
    map = LazyMapping(file)
    name = TensorName(Self.stem(of: file.path))
    do throws(CheckpointError) {
      var offset = 0
      let header = try NpyHeader(at: 0) { count throws(CheckpointError) in
        defer { offset += count }
        return try file.read(at: offset, count: count)
      }
      switch header.element {
      case .plain(let dtype, let isBigEndian):
        array = try NpyArray(
          header, dtype: dtype, isBigEndian: isBigEndian, byteCount: file.byteCount, at: 0)
      case .objects:
        throw CheckpointError.objectArray(at: 0)
      case .other(let type):
        throw CheckpointError(.unsupported, "is a \(type), which no tensor can hold", offset: 0)
      }
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The last part of a path, without its extension.
  static func stem(of path: String) -> String {
    let base = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
    let dot = base.lastIndex(of: UInt8(ascii: "."))
    guard let dot, dot > base.startIndex else { return String(Substring(base)) }
    return String(Substring(base[..<dot]))
  }

  /// The array. An index other than 0 is a programming error and traps.
  public func tensor(at index: Int) -> TensorInfo {
    precondition(index == 0, "a NumPy file holds one array")
    return tensor.info
  }

  /// 0 for the name of the file without its extension.
  public func index(of name: TensorName) -> Int? {
    name == self.name ? 0 : nil
  }

  /// Lends the data: from a mapping where the file contains it unchanged, from a copy in memory
  /// where it must be transposed or swapped first.
  ///
  /// - Throws: `system` when the file cannot be mapped or read, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    try tensor.withView(in: path, map: map, body)
  }

  /// The file.
  public var files: [InputFile] { [file] }

  /// The location of the data: contiguous, unless it must be transposed or swapped.
  public func location(of index: Int) -> TensorLocation {
    tensor.location(in: path)
  }

  /// Passes the data to a sink in pieces of a few megabytes.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading fails, and what `sink`
  ///   throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try tensor.read(to: sink)
  }

  /// Appends the data to an output: copied in the kernel if the file contains it unchanged.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading or writing fails.
  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    guard array.isAsShown else {
      return try readTensor(at: index) { piece throws(CheckpointError) in try output.write(piece) }
    }
    try output.copy(from: file, range: array.data)
  }

  private var tensor: NpyTensor {
    NpyTensor(
      name: name, array: array, source: .file(file), range: array.isAsShown ? array.data : nil)
  }
}

extension CheckpointError {
  /// The error that the elements of an array are a pickle.
  static func objectArray(at offset: Int?) -> Self {
    Self(
      .unsupported,
      "contains Python objects: loading them would run code from the file; nothing was "
        + "executed", offset: offset,
      hint: "save the array with a dtype of numbers")
  }
}
