// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// An archive that takes its tensors from others.
///
/// The members about a tensor's data are forwarded to the archive that the tensor comes from. A
/// conforming type implements those that it changes.
public protocol ForwardingArchive: TensorArchive {
  /// The archive that a tensor comes from, and its place there.
  func source(of index: Int) -> (archive: any TensorArchive, index: Int)
}

extension ForwardingArchive {
  /// The tensor as its source describes it.
  public func tensor(at index: Int) -> TensorInfo {
    let source = source(of: index)
    return source.archive.tensor(at: source.index)
  }

  /// Lends the data of a tensor, as its source does.
  ///
  /// - Throws: what the source throws, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let source = source(of: index)
    return try source.archive.withTensor(at: source.index, body)
  }

  /// The place of the data of a tensor in its source's file.
  public func location(of index: Int) -> TensorLocation {
    let source = source(of: index)
    return source.archive.location(of: source.index)
  }

  /// Passes the data of a tensor on in pieces, as its source does.
  ///
  /// - Throws: what the source throws, and what `sink` throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let source = source(of: index)
    try source.archive.readTensor(at: source.index, to: sink)
  }

  /// Appends the data of a tensor to an output, as its source does.
  ///
  /// - Throws: what the source throws.
  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    let source = source(of: index)
    try source.archive.copyTensor(at: source.index, to: &output)
  }
}

/// An archive that changes some members of one other archive and forwards the rest.
public protocol ArchiveDecorator: ForwardingArchive {
  /// The archive that is changed.
  var base: any TensorArchive { get }
}

extension ArchiveDecorator {
  /// The path of the base.
  public var path: String { base.path }
  /// The format of the base.
  public var format: any CheckpointFormat { base.format }
  /// The variant of the base.
  public var variant: FormatVariant { base.variant }
  /// The metadata of the base.
  public var metadata: ArchiveMetadata? { base.metadata }
  /// The number of tensors of the base.
  public var tensorCount: Int { base.tensorCount }
  /// The skipped items of the base.
  public var skipped: [SkippedItem] { base.skipped }
  /// The notes of the base.
  public var notes: [String] { base.notes }
  /// The request of the base.
  public var codeRequest: CheckpointError? { base.codeRequest }
  /// The defects of the base.
  public var defects: [ArchiveDefect] { base.defects }
  /// The files of the base.
  public var files: [InputFile] { base.files }

  /// The same place in the base.
  public func source(of index: Int) -> (archive: any TensorArchive, index: Int) { (base, index) }

  /// The place of the tensor with this name in the base.
  public func index(of name: TensorName) -> Int? { base.index(of: name) }

  /// The first tensor of the base that is the same view.
  public func alias(of index: Int) -> Int? { base.alias(of: index) }

  /// The files of the base that contain some of its tensors.
  public func files(holding tensors: [Int]) -> [InputFile] { base.files(holding: tensors) }
}
