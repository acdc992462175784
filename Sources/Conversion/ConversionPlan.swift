internal import Files
internal import Tensors
internal import TorchCheckpoint

/// Which tensors of an archive are written, under which names, with which metadata.
struct ConversionPlan {
  /// The archive as it is written.
  let archive: any TensorArchive
  /// What is left out of it.
  private(set) var report = ConversionReport()

  /// Plans the conversion of an archive.
  ///
  /// - Throws: `unsupported`, naming the tensor, for one that the format cannot hold, unless such are
  ///   to be left out.
  /// - Complexity: O(tensors).
  init(_ source: any TensorArchive, options: ConversionOptions) throws(CheckpointError) {
    report.skipped = source.skipped
    if let tensor = source.skipped.first(where: \.isTensor), !options.skipsUnsupported {
      throw Self.unsupported(tensor.name, "a \(tensor.type)", options.format, source)
    }
    var members: [SelectedArchive.Member] = []
    var metadata = source.format == .safetensors ? source.metadata : ["format": "pt"]
    for index in 0..<source.tensorCount {
      let info = source.tensor(at: index)
      if !options.format.holds(info.dtype) {
        guard options.skipsUnsupported else {
          throw Self.unsupported(info.name, info.dtype.name, options.format, source)
        }
        report.skipped.append(
          SkippedItem(
            name: info.name, type: "\(info.dtype) tensor", isTensor: true, shape: info.shape))
      } else if options.dropsAliases, let other = source.alias(of: index) {
        let kept = source.tensor(at: other).name
        report.aliases.append(ConversionReport.Alias(name: info.name, kept: kept))
        metadata = metadata ?? [:]
        metadata?[info.name] = kept.string
      } else {
        members.append(SelectedArchive.Member(index: index, name: info.name))
      }
    }
    archive = try SelectedArchive(source, members: members, metadata: metadata, skipped: [])
  }

  private static func unsupported(
    _ name: TensorName, _ what: String, _ format: CheckpointFormat, _ source: any TensorArchive
  ) -> CheckpointError {
    CheckpointError(
      .unsupported, "cannot become \(format.rawValue): it holds \(what)", path: source.path,
      tensor: name, hint: "--skip-unsupported leaves such tensors out")
  }
}

extension CheckpointFormat {
  /// Whether the format has this dtype.
  fileprivate func holds(_ dtype: DType) -> Bool {
    switch self {
    case .safetensors: true
    case .torch: TorchWriter.canWrite(dtype)
    }
  }
}
