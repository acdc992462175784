// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Concurrency
internal import JSONDocument
internal import Merging
public import PEFT
public import Tensors
internal import Validation

extension ReportPage {
  /// Makes the page of a checkpoint file, an adapter or a model (spec/report.md, J10 to J17).
  ///
  /// - Parameters:
  ///   - checkpoint: the open checkpoint.
  ///   - path: its path.
  ///   - options: what it is checked against.
  ///   - measuresSurvival: whether the page of an adapter says how much of it would survive a merge into the
  ///     base model of the options, whose changed weights are read for it.
  ///   - counter: counts the bytes that are read.
  /// - Throws: what opening a base model and reading the data throws.
  /// - Complexity: O(bytes), in memory for the largest module, and the cost of the figures.
  public init(
    _ checkpoint: OpenedCheckpoint, path: String, options: FindingOptions = FindingOptions(),
    measuresSurvival: Bool = false, counter: ByteCounter? = nil
  ) throws(CheckpointError) {
    let measured = try MeasuredCheckpoint(
      checkpoint, path: path, options: options, countsValues: true, counter: counter)
    self.init(
      kind: measured.kind, title: PathName.last(of: path), paths: [path],
      summary: checkpoint.adapter?.summary, verdict: measured.findings.verdict,
      facts: measured.facts)
    sections.append(measured.findingSection)
    if let adapter = checkpoint.adapter { sections.append(adapter.config.section) }
    if let section = measured.modules?.section { sections.append(section) }
    if measuresSurvival, let adapter = checkpoint.adapter, let source = options.base {
      let base = try source.model(for: adapter.config)
      let survey = try MergeReport(surveying: [MergeTargets.Source(adapter)], into: base)
      sections.append(survey.section)
    }
    if let section = measured.prompts?.section { sections.append(section) }
    if let section = measured.normSection { sections.append(section) }
    if let section = measured.valueSection { sections.append(section) }
    if let section = measured.tensorSection { sections.append(section) }
  }
}

/// The names of paths.
enum PathName {
  /// The last component of a path that has a name.
  static func last(of path: String) -> String {
    path.split(separator: "/").last { $0 != "." }.map(String.init) ?? path
  }
}

extension MeasuredCheckpoint {
  /// The kind of the subject in words.
  var kind: String {
    switch checkpoint {
    case .adapter(let adapter):
      ((try? adapter.config.peftType.rawValue.excerpt).map { $0 + " adapter" }) ?? "Adapter"
    case .model: "Model"
    case .file: "Checkpoint file"
    }
  }

  /// The facts at the top.
  var facts: [ReportFact] {
    var facts: [ReportFact] = []
    if let adapter {
      let base = adapter.config.document["base_model_name_or_path"]?.string ?? "not named"
      facts.append(ReportFact("Base model", base))
      facts.append(
        ReportFact("Config of PEFT", adapter.config.loadingReleaseRanges ?? "no known release"))
    }
    let weights = checkpoint.weightsName
    facts.append(
      ReportFact(weights == nil ? "Format" : "Weights", archive.variant.name, remark: weights))
    let sizes = ArchiveSizes(archive)
    facts.append(
      ReportFact(
        "Parameters", ReportNumber.count(sizes.parameterCount),
        remark: ReportNumber.count(archive.tensorCount, "tensor")))
    facts.append(ReportFact("Size", ReportNumber.bytes(sizes.byteCount), remark: sizes.dtypes))
    if !archive.skipped.isEmpty {
      facts.append(
        ReportFact(
          "Not tensors", ReportNumber.count(archive.skipped.count, "item"),
          remark: archive.skipped.first?.name.string))
    }
    for note in checkpoint.notes.prefix(3) { facts.append(ReportFact("Note", note)) }
    return facts
  }

  /// The tensors, folded.
  var tensorSection: ReportSection? {
    guard archive.tensorCount > 0 else { return nil }
    var table = ReportTable(
      "\(ReportNumber.count(archive.tensorCount, "tensor"))",
      [
        .init("Name"), .init("Dtype"), .init("Shape"), .init("Parameters", isNumeric: true),
        .init("Bytes", isNumeric: true), .init("Norm", isNumeric: true),
      ])
    for index in 0..<archive.tensorCount {
      let tensor = archive.tensor(at: index)
      table.add([
        .code(tensor.name.string), .text(tensor.dtype.name), .code(tensor.shape.description),
        .count(tensor.elementCount), .count(tensor.byteCount), .number(norms[index]),
      ])
    }
    var blocks: [ReportBlock] = [.foldedTable(table)]
    if let metadata = archive.metadata, !metadata.entries.isEmpty {
      var table = ReportTable(
        "Metadata of the file",
        [.init("Key"), .init("Value")], limit: 200)
      for entry in metadata.entries { table.add([.code(entry.key.string), .code(entry.value)]) }
      blocks.append(.foldedTable(table))
    }
    return ReportSection("Tensors", blocks)
  }
}

/// The number of parameters and bytes of an archive, by dtype.
struct ArchiveSizes: Sendable {
  /// The elements of all tensors; saturates.
  private(set) var parameterCount = 0
  /// The bytes of all tensors; saturates.
  private(set) var byteCount = 0
  private var counts: [(dtype: DType, count: Int)] = []

  /// Adds up the tensors.
  ///
  /// - Complexity: O(tensors).
  init(_ archive: any TensorArchive) {
    for index in 0..<archive.tensorCount {
      archive.describeTensor(at: index) { tensor in
        parameterCount = Self.sum(parameterCount, tensor.elementCount)
        byteCount = Self.sum(byteCount, tensor.byteCount)
        if let place = counts.firstIndex(where: { $0.dtype == tensor.dtype }) {
          counts[place].count += 1
        } else {
          counts.append((tensor.dtype, 1))
        }
      }
    }
  }

  /// The dtypes, those of most tensors first.
  var dtypes: String {
    counts.sorted { $0.count > $1.count }.map(\.dtype.name).joined(separator: ", ")
  }

  private static func sum(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }
}
