// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// Computed tensors as an archive, for the writers of formats.
final class ComputedArchive: TensorArchive {
  /// The path of the output.
  let path: String
  /// The format of the output.
  let format: any CheckpointFormat
  /// The metadata of weights files that PEFT writes.
  let metadata: ArchiveMetadata? = ["format": "pt"]
  private let computed: [ComputedTensor]

  /// The size of the pieces that tensors are read in, in bytes; a multiple of every element size.
  private static let pieceByteCount = 1 << 20

  init(_ tensors: [ComputedTensor], format: any CheckpointFormat, path: String) {
    computed = tensors
    self.format = format
    self.path = path
  }

  var tensorCount: Int { computed.count }
  /// None: nothing is read from a file while the archive is written.
  var files: [InputFile] { [] }

  func tensor(at index: Int) -> TensorInfo { computed[index].info }

  func index(of name: TensorName) -> Int? {
    computed.firstIndex { $0.info.name == name }
  }

  func location(of index: Int) -> TensorLocation {
    TensorLocation(path: path, access: .gathered)
  }

  func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let bytes = try computed[index].bytes()
    let info = computed[index].info
    return try body(TensorView(dtype: info.dtype, shape: info.shape, bytes: bytes.span.rawBytes))
  }

  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let bytes = try computed[index].bytes()
    for start in stride(from: 0, to: bytes.count, by: Self.pieceByteCount) {
      let end = min(start + Self.pieceByteCount, bytes.count)
      try sink(bytes.span.rawBytes.extracting(start..<end))
    }
  }

  func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try computed[index].write(to: &output)
  }
}
