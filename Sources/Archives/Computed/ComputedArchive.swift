// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// Computed tensors as an archive, for the writers of formats and for views.
public final class ComputedArchive: TensorArchive {
  /// The path of the output, or of what the tensors are computed from, for errors.
  public let path: String
  /// The format of the output.
  public let format: any CheckpointFormat
  /// The metadata of the output.
  public let metadata: ArchiveMetadata?
  /// The files that the tensors are computed from.
  public let files: [InputFile]
  private let computed: [ComputedTensor]

  /// Lists tensors with distinct names.
  ///
  /// - Parameters:
  ///   - tensors: the tensors, in order.
  ///   - format: the format that the archive claims to be of.
  ///   - path: the path of the output, or of the source, for errors.
  ///   - metadata: that of the weights files that PEFT writes by default.
  ///   - files: the files that the tensors are computed from. An output has their permissions, and is
  ///     not written when one of them changes before it is complete.
  public init(
    _ tensors: [ComputedTensor], format: any CheckpointFormat, path: String,
    metadata: ArchiveMetadata? = ["format": "pt"], files: [InputFile] = []
  ) {
    computed = tensors
    self.format = format
    self.path = path
    self.metadata = metadata
    self.files = files
  }

  public var tensorCount: Int { computed.count }

  public func tensor(at index: Int) -> TensorInfo { computed[index].info }

  public func index(of name: TensorName) -> Int? {
    computed.firstIndex { $0.info.name == name }
  }

  public func location(of index: Int) -> TensorLocation {
    TensorLocation(path: path, access: .gathered)
  }

  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let bytes = try computed[index].bytes()
    let info = computed[index].info
    return try body(TensorView(dtype: info.dtype, shape: info.shape, bytes: bytes.span.rawBytes))
  }

  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try computed[index].read(to: sink)
  }

  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try computed[index].write(to: &output)
  }
}
