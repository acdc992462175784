// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ContentDigest
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

extension Inspection {
  /// A summary, the config and a table of the tensors.
  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    addSummary(to: &output)
    if let adapter { addConfig(adapter.config, to: &output) }
    if let metadata = archive.metadata, !metadata.entries.isEmpty {
      add(metadata, to: &output)
    }
    addTensors(to: &output)
    addSkipped(to: &output)
    tasks?.addText(to: &output)
    modules?.addText(to: &output)
  }

  /// The keys and values, with types where the format has them. Typed metadata contains vocabularies,
  /// whose values are shortened.
  private func add(_ metadata: ArchiveMetadata, to output: inout TextOutput) {
    output.line()
    output.line(output.styled("metadata", .bold))
    let isTyped = metadata.entries.contains { $0.typed != nil }
    var table = Table(alignments: [.name, .name] + (isTyped ? [.name] : []))
    for entry in metadata.entries {
      table.add(
        isTyped
          ? [entry.key.printable, entry.typed?.type ?? "", entry.value.excerpt]
          : [entry.key.printable, entry.value.printable])
    }
    output.table(table)
  }

  private func addSummary(to output: inout TextOutput) {
    output.line(output.styled(path.printable, .bold))
    var table = Table(alignments: [.left, .left])
    if let adapter {
      table.add(["adapter", adapter.summary.printable])
      if let ranges = adapter.config.loadingReleaseRanges { table.add(["PEFT", ranges]) }
    }
    if let name = checkpoint.weightsName {
      table.add(["weights", "\(name.printable) (\(archive.variant.name))"])
    } else {
      table.add(["format", archive.variant.name])
    }
    var totals = InspectionTotals()
    for index in 0..<archive.tensorCount { archive.describeTensor(at: index) { totals.add($0) } }
    table.add([
      "contents",
      [
        Sizes.count(archive.tensorCount, "tensor"),
        Sizes.count(totals.parameterCount, "parameter"),
        Sizes.bytes(totals.byteCount),
      ].joined(separator: ", "),
    ])
    if let base { table.add(["base", base.text]) }
    if let digests { table.add(["digest", digests.checkpoint.description]) }
    for note in checkpoint.notes { table.add(["note", note]) }
    output.table(table)
  }

  /// The keys of the config that are not null.
  private func addConfig(_ config: AdapterConfig, to output: inout TextOutput) {
    var table = Table(alignments: [.name, .name])
    var nullCount = 0
    for member in config.document {
      if member.value.isNull {
        nullCount += 1
        continue
      }
      table.add([member.key.printable, member.value.description.printable])
    }
    output.line()
    output.line(output.styled("config", .bold))
    output.table(table)
    if nullCount > 0 { output.line("  (\(Sizes.count(nullCount, "key")) null)") }
  }

  private func addTensors(to output: inout TextOutput) {
    guard archive.tensorCount > 0 else { return }
    output.line()
    output.line(output.styled("tensors", .bold))
    var columns: [(heading: String, alignment: Table.Alignment)] = [
      ("name", .name), ("dtype", .left), ("shape", .left), ("size", .right),
    ]
    if digests != nil { columns.append(("digest", .left)) }
    var table = Table(columns)
    for index in 0..<archive.tensorCount {
      let tensor = archive.tensor(at: index)
      var cells = [
        tensor.name.printable, tensor.dtype.name, tensor.shape.description,
        Sizes.bytes(tensor.byteCount),
      ]
      // Enough to distinguish tensors; JSON has all digits.
      if let digests { cells.append(String(digests.tensors[index].hexadecimal.prefix(16))) }
      table.add(cells)
    }
    output.table(table)
  }

  /// The items of the file that are not tensors, which conversions leave out.
  private func addSkipped(to output: inout TextOutput) {
    guard !archive.skipped.isEmpty else { return }
    output.line()
    output.line(output.styled("skipped", .bold))
    var table = Table([("name", .name), ("type", .name)])
    for group in SkippedGroup.groups(of: archive.skipped) {
      table.add([group.place, group.contents])
    }
    output.table(table)
  }
}
