// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Checkpoints
internal import DistributedCheckpoint
internal import Files
internal import Kernels
internal import Tensors

/// The tensors of an archive that are written, with their new names and dtypes, and the metadata.
struct TensorPlan {
  /// The archive to write.
  let archive: any TensorArchive
  /// The place of each of its tensors in the source.
  let members: [Int]
  /// What the conversion leaves out and changes.
  private(set) var report = ConversionReport()

  private let source: any TensorArchive
  private let options: ConversionOptions

  /// Plans the tensors of an archive.
  ///
  /// - Parameter record: collects the effects of casts.
  /// - Throws: `unsupported`, naming the tensor, for one that the format cannot hold, unless such
  ///   are to be left out, and for a cast that does not exist; `unsupported` for metadata that the
  ///   tensors need and the format cannot hold, and for a file of slices; `mismatch` when two
  ///   tensors would have the same name; `missing` when no tensor is left, unless that is allowed.
  /// - Complexity: O(tensors).
  init(
    _ source: any TensorArchive, options: ConversionOptions, record: CastRecord
  ) throws(CheckpointError) {
    if let part = CheckpointPart(source) { throw part.refusal(path: source.path) }
    if options.refusesCode { try source.requireDataOnly() }
    self.source = source
    self.options = options
    var selection = Selection(
      metadata: source.format.holdsMetadata ? source.metadata : ["format": "pt"])
    try Self.skip(source.skipped, in: source, options: options, report: &report)
    report.sourceNotes = source.notes
    report.unmatchedPatterns = try options.unmatchedPatterns(in: source)
    report.optimizer = OptimizerState(in: source, selection: options.selection)
    let rewriters = try Self.rewriters(options.selection.replacements)
    var budget = rewriters.isEmpty ? 0 : NameRewriter.budget(forByteCount: source.nameByteCount)
    var selectedCount = 0
    for index in 0..<source.tensorCount {
      let info = source.tensor(at: index)
      guard options.selection.contains(info.name) else { continue }
      selectedCount += 1
      var name = options.selection.renames[info.name] ?? info.name
      for rewriter in rewriters { name = try rewriter.rewrite(name, budget: &budget) }
      let dtype = options.casts.dtype(for: info)
      guard options.format.storedDType(for: dtype) != nil else {
        let item = SkippedItem(
          name: info.name, type: "\(dtype) tensor", isTensor: true, shape: info.shape)
        try Self.skip([item], in: source, options: options, report: &report)
        continue
      }
      if options.dropsAliases {
        let view = Selection.View(first: source.alias(of: index) ?? index, dtype: dtype)
        if let kept = selection.names[view] {
          report.aliases.append(ConversionReport.Alias(name: name, kept: kept))
          selection.metadata = selection.metadata ?? [:]
          selection.metadata?[name.text] = kept.string
          continue
        }
        selection.names[view] = name
      }
      selection.members.append(SelectedArchive.Member(index: index, name: name))
      selection.dtypes.append(dtype)
    }
    let isUnmatched =
      selectedCount == 0 && source.tensorCount > 0 && !options.selection.isEverything
    guard !selection.members.isEmpty || options.allowsEmpty && !isUnmatched else {
      throw Self.empty(source, isUnmatched: isUnmatched, options)
    }
    members = selection.members.map(\.index)
    let selected = try SelectedArchive(
      source, members: selection.members,
      metadata: options.metadata.applied(to: selection.metadata), skipped: [])
    let isCast = zip(members, selection.dtypes).contains { source.tensor(at: $0).dtype != $1 }
    archive =
      isCast ? try CastArchive(selected, to: selection.dtypes, record: record) : selected
    noteSubstitutions()
    try noteMetadata()
  }

  /// The error for an output without tensors.
  private static func empty(
    _ source: any TensorArchive, isUnmatched: Bool, _ options: ConversionOptions
  ) -> CheckpointError {
    if source.tensorCount == 0, !source.skipped.contains(where: \.isTensor) {
      return CheckpointError(
        .missing, "contains no tensors", path: source.path, remedy: .allowEmpty)
    }
    if isUnmatched {
      return CheckpointError(.missing, "no tensor matches the selection", path: source.path)
    }
    return CheckpointError(
      .unsupported, "contains no tensor that \(options.format.name) can store", path: source.path,
      remedy: .allowEmpty)
  }

  private struct Selection {
    var metadata: ArchiveMetadata?
    var members: [SelectedArchive.Member] = []
    var dtypes: [DType] = []
    /// The views of the tensors selected so far, and their names. The first name of a view may be
    /// one that is left out, and another dtype makes another tensor.
    var names: [View: TensorName] = [:]

    struct View: Hashable {
      /// The first tensor of the source with this view.
      let first: Int
      let dtype: DType
    }
  }

  /// A file of all tensors, or of those at some places of `members`.
  func file(named name: String, holding places: [Int]? = nil) throws(CheckpointError) -> WeightsFile
  {
    guard let places else {
      return WeightsFile(
        format: options.format, archive: archive, source: source, members: members, name: name)
    }
    let part = try SelectedArchive(
      archive,
      members: places.map { SelectedArchive.Member(index: $0, name: archive.tensor(at: $0).name) },
      metadata: archive.metadata, skipped: [])
    return WeightsFile(
      format: options.format, archive: part, source: source, members: places.map { members[$0] },
      name: name)
  }

  private static func rewriters(
    _ replacements: [NameReplacement]
  ) throws(CheckpointError) -> [NameRewriter] {
    var rewriters: [NameRewriter] = []
    for replacement in replacements { rewriters.append(try NameRewriter(replacement)) }
    return rewriters
  }

  /// Records items that are left out.
  ///
  /// - Throws: `unsupported` when an item is a selected tensor, unless such are to be left out.
  private static func skip(
    _ items: [SkippedItem], in source: any TensorArchive, options: ConversionOptions,
    report: inout ConversionReport
  ) throws(CheckpointError) {
    for item in items where options.selection.contains(item.name) {
      guard !item.isTensor || options.skipsUnsupported else {
        throw CheckpointError(
          .unsupported, "cannot become \(options.format.name): it is \(item.article)",
          path: source.path, tensor: item.name,
          remedy: .skipUnsupported)
      }
      report.skipped.append(item)
    }
  }

  private mutating func noteSubstitutions() {
    for index in 0..<archive.tensorCount {
      let info = archive.tensor(at: index)
      guard let written = options.format.storedDType(for: info.dtype), written != info.dtype
      else { continue }
      report.substitutions.append(
        ConversionReport.Substitution(name: info.name, dtype: info.dtype, writtenAs: written))
    }
  }

  /// The key under which diffusers keeps the configs of LoRA adapters.
  private static let loraMetadataKey: UTF8Text = "lora_adapter_metadata"

  /// Notes the metadata that the format cannot hold.
  ///
  /// - Throws: `unsupported` for metadata that the tensors need.
  private mutating func noteMetadata() throws(CheckpointError) {
    guard !options.format.holdsMetadata, source.format.holdsMetadata else { return }
    if archive.metadata?[Self.loraMetadataKey] != nil {
      throw CheckpointError(
        .unsupported,
        "its metadata has \"\(Self.loraMetadataKey)\", which \(options.format.name) cannot hold: "
          + "without it the scale of the adapter is lost, and diffusers takes 1",
        path: source.path, remedy: .dropMetadata)
    }
    // Almost all files of torch users have the metadata format = "pt".
    report.droppedMetadata = (archive.metadata?.entries ?? []).map(\.key).filter {
      $0 != "format"
    }
  }
}

extension SkippedItem {
  /// What the item is, with the article that goes before it.
  public var article: String {
    let vowels: Set<Character> = ["a", "e", "i", "o", "A", "E", "F", "I", "O"]
    let isVowel = type.first.map { vowels.contains($0) } ?? false
    // F32 is spelled out: "an F32 tensor".
    let isLetterName = type.first == "F" && type.dropFirst().first?.isNumber == true
    let takesAn = type.first == "F" ? isLetterName : isVowel
    return (takesAn ? "an " : "a ") + type
  }
}
